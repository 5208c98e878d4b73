-- wrk -s forms.lua URL -- FILE [HEADER [PERIOD]]: posts FILE's lines as forms, one after the other, with
-- the credentials of the demo, with one more header where given, as `Name: value`, and in herds every
-- PERIOD milliseconds where given: then each connection asks once in each. All requests are built before
-- the first is sent, so that every server costs wrk the same.

local requests = {}
local last = 0

function init(arguments)
  local headers = {
    ["Authorization"] = "Basic ZGVmYXVsdDpwYXNzd29yZA==",
    ["Content-Type"] = "application/x-www-form-urlencoded",
  }
  if arguments[2] then
    local name, value = arguments[2]:match("^(.-): *(.*)$")
    headers[name] = value
  end
  if arguments[3] then
    herd(tonumber(arguments[3]))
  end
  for form in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, form)
  end
end

-- Has every connection wait for the next whole PERIOD before it asks.
function herd(period)
  local ffi = require("ffi")
  ffi.cdef("typedef struct { long s, us; } timeval; int gettimeofday(timeval *, void *);")
  local now = ffi.new("timeval")
  delay = function()
    ffi.C.gettimeofday(now, nil)
    return period - (tonumber(now.s) * 1000 + tonumber(now.us) / 1000) % period
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

-- One line for programs: what was answered in how long, and how long single answers took.
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"failed":%d,"median_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration / 1e6, failed,
    latency:percentile(50), latency:percentile(99)
  ))
end
