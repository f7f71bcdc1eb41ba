-- Sends the prepared requests of a file, in random order, and prints one line of JSON at the end.
-- A line of the file is PATH<tab>BEARER TOKEN.

local prepared = {}

function init(args)
  math.randomseed(tonumber(args[2]) or 1)
  for line in io.lines(args[1]) do
    local path, token = line:match("^([^\t]*)\t(.*)$")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Accept"] = "application/json" }
    prepared[#prepared + 1] = wrk.format("GET", path, headers)
  end
end

function request()
  return prepared[math.random(#prepared)]
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
