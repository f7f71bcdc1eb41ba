-- Posts the prepared bodies of a file, a line each, once each and in order, and prints one line of JSON at the end.
-- Its arguments: the file, the path, the bearer token. A body that is sent again would be known already: past the last
-- one the measurement fails, as no answer of "accepted" is given for it.

local prepared, place = {}, 0

function init(args)
  local headers = { ["Authorization"] = "Bearer " .. args[3], ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do
    prepared[#prepared + 1] = wrk.format("POST", args[2], headers, line)
  end
end

function request()
  place = place + 1
  return prepared[place] or prepared[1]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'MEASURED {"requests": %d, "micros": %d, "bytes": %d, "p50": %d, "p99": %d, "refused": %d, '
      .. '"failed": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50),
    latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
