"""Acts of waiting threads that are alike, done in one go where every act has a transaction of its own otherwise."""

from collections.abc import Callable
from typing import Any

from tollbook.store.sharing import Alike, Line, Place, run
from tollbook.store.writes import Writes


class Gathering:
    """One line of alike acts. `again` runs a function in a transaction, from its beginning where that was undone."""

    def __init__(
        self, again: Callable[[Callable[[Writes], None]], None], may_go_again: Callable[[BaseException], bool]
    ) -> None:
        self._line = Line()
        self._again = again
        self._may_go_again = may_go_again

    def do(self, act: Alike) -> Any:
        """What an act answers, once it is on disk with those that it was done with."""
        place = Place(act)
        if self._line.wait(place):
            self._lead(place)
        return place.answer()

    def _lead(self, first: Place) -> None:
        led: list[list[Place]] = []

        def lead(act: Writes) -> None:
            for places in led or self._led(first, led):
                for place in places:
                    place.forget()
                run(act, places)
                for place in places:
                    if place.error is not None and self._may_go_again(place.error):
                        raise place.error  # another process came first: all of it is done again

        try:
            self._line.gather()
            self._again(lead)
        except BaseException as error:
            for place in [place for places in led for place in places] or [first]:
                place.fail(error)
        self._line.pass_on()
        for place in [place for places in led for place in places][1:]:
            place.call()

    def _led(self, first: Place, led: list[list[Place]]) -> Any:
        """The places that this leader takes along, noted as they come."""
        for places in self._line.shared(first):
            led.append(places)
            yield places
