"""Django REST Framework with django-filter, as their documentation shows, in one file.

Model serializers, `prefetch_related` for the child arrays, `LimitOffsetPagination` with its own
envelope (its `count` is the total), a token authentication that looks up the digest.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.configure(
    SECRET_KEY=os.urandom(32).hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["rest_framework", "django_filters"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("PEER_BOOK", ":memory:"),
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.db import models  # noqa: E402  (only after setup)
from django.urls import path  # noqa: E402
from django_filters import rest_framework as filters  # noqa: E402
from rest_framework import (  # noqa: E402
    authentication,
    exceptions,
    generics,
    pagination,
    permissions,
    serializers,
)

from benchmarks.data import money, wire  # noqa: E402
from benchmarks.peers.normalised import digest  # noqa: E402


class Token(models.Model):
    """Who may ask."""

    digest = models.CharField(primary_key=True, max_length=64)
    partner_sid = models.CharField(max_length=36)
    is_authenticated = True

    class Meta:
        app_label, db_table, managed = "bench", "token", False


class Invoice(models.Model):
    """An invoice."""

    invoice_sid = models.CharField(max_length=36, unique=True)
    partner_sid = models.CharField(max_length=36)
    display_id = models.CharField(max_length=12)
    status = models.CharField(max_length=12)
    paid = models.BooleanField()
    amount = models.BigIntegerField()
    amount_due = models.BigIntegerField()
    amount_tax = models.BigIntegerField()
    balance_forward = models.BigIntegerField()
    balance_previous = models.BigIntegerField()
    date_billing_period_end = models.DateTimeField()
    date_billing_period_start = models.DateTimeField()
    date_charge_expected = models.DateTimeField()
    date_charged = models.DateTimeField(null=True)
    date_created = models.DateTimeField()
    date_issued = models.DateTimeField(null=True)

    class Meta:
        app_label, db_table, managed = "bench", "invoice", False


class InvoiceItem(models.Model):
    """A line of an invoice."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="invoice_items")
    amount = models.BigIntegerField()
    country_code = models.CharField(max_length=3)
    date_billing_period_end = models.DateTimeField()
    date_billing_period_start = models.DateTimeField()
    direction = models.CharField(max_length=8, null=True)
    type = models.CharField(max_length=20)
    usage = models.BigIntegerField()

    class Meta:
        app_label, db_table, managed, ordering = "bench", "invoice_item", False, ["id"]


class PayItem(models.Model):
    """A payment of an invoice."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="pay_items")
    amount = models.BigIntegerField()
    date_created = models.DateTimeField()
    type = models.CharField(max_length=20)

    class Meta:
        app_label, db_table, managed, ordering = "bench", "pay_item", False, ["id"]


class TaxItem(models.Model):
    """A tax of an invoice."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="tax_items")
    amount = models.BigIntegerField()
    jurisdiction = models.CharField(max_length=20)
    type = models.CharField(max_length=40)

    class Meta:
        app_label, db_table, managed, ordering = "bench", "tax_item", False, ["id"]


class MoneyField(serializers.Field):
    """Cents as the wire shows money."""

    def to_representation(self, value: int) -> str:
        """The string."""
        return money(value)


class InstantField(serializers.Field):
    """An instant as the wire shows it."""

    def to_representation(self, value: datetime) -> str:
        """Three fraction digits and a Z."""
        return wire(value.astimezone(UTC).replace(tzinfo=None))


class InvoiceItemSerializer(serializers.ModelSerializer):
    """A line as it is served."""

    amount = MoneyField()
    date_billing_period_end = InstantField()
    date_billing_period_start = InstantField()

    class Meta:
        model = InvoiceItem
        exclude = ["id", "invoice"]

    def to_representation(self, instance: InvoiceItem) -> dict[str, Any]:
        """Without a direction the key is absent."""
        shown: dict[str, Any] = super().to_representation(instance)
        if shown["direction"] is None:
            del shown["direction"]
        return shown


class PayItemSerializer(serializers.ModelSerializer):
    """A payment as it is served."""

    amount = MoneyField()
    date_created = InstantField()

    class Meta:
        model = PayItem
        exclude = ["id", "invoice"]


class TaxItemSerializer(serializers.ModelSerializer):
    """A tax as it is served."""

    amount = MoneyField()

    class Meta:
        model = TaxItem
        exclude = ["id", "invoice"]


class InvoiceSerializer(serializers.ModelSerializer):
    """The 19 keys."""

    amount = MoneyField()
    amount_due = MoneyField()
    amount_tax = MoneyField()
    balance_forward = MoneyField()
    balance_previous = MoneyField()
    date_billing_period_end = InstantField()
    date_billing_period_start = InstantField()
    date_charge_expected = InstantField()
    date_charged = InstantField()
    date_created = InstantField()
    date_issued = InstantField()
    invoice_items = InvoiceItemSerializer(many=True)
    pay_items = PayItemSerializer(many=True)
    tax_items = TaxItemSerializer(many=True)

    class Meta:
        model = Invoice
        exclude = ["id"]


class TokenAuthentication(authentication.BaseAuthentication):
    """The bearer token, by its digest."""

    def authenticate(self, request: Any) -> tuple[Token, None] | None:
        """The token, which stands for the user."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        try:
            return Token.objects.get(pk=digest(bearer)), None
        except Token.DoesNotExist:
            raise exceptions.AuthenticationFailed from None


class CentsFilter(filters.NumberFilter):
    """A filter whose argument is money and whose column is cents."""

    def filter(self, qs: Any, value: Decimal | None) -> Any:
        """The rows beyond the amount."""
        return super().filter(qs, None if value is None else int(value * 100))


class InvoiceFilter(filters.FilterSet):
    """`?status=open&amount__gt=1`."""

    amount__gt = CentsFilter(field_name="amount", lookup_expr="gt")

    class Meta:
        model = Invoice
        fields = ["status"]


class Pagination(pagination.LimitOffsetPagination):
    """The documented limits."""

    default_limit, max_limit = 10, 1000


class InvoiceListView(generics.ListAPIView):
    """One page of the caller's invoices, newest first."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [permissions.IsAuthenticated]
    serializer_class = InvoiceSerializer
    pagination_class = Pagination
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = InvoiceFilter

    def get_queryset(self) -> Any:
        """Only the caller's."""
        return (
            Invoice.objects.filter(partner_sid=self.request.user.partner_sid)
            .order_by("-date_created", "-invoice_sid")
            .prefetch_related("invoice_items", "pay_items", "tax_items")
        )


urlpatterns = [path("core/v2/billing/invoices", InvoiceListView.as_view())]
application = get_wsgi_application()
