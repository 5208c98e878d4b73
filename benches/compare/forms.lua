-- wrk -s forms.lua URL -- FILE: posts FILE's lines as forms, one after the other, with the credentials of
-- the demo. All requests are built before the first is sent, so that every server costs wrk the same.

local requests = {}
local last = 0

function init(arguments)
  local headers = {
    ["Authorization"] = "Basic ZGVmYXVsdDpwYXNzd29yZA==",
    ["Content-Type"] = "application/x-www-form-urlencoded",
  }
  for form in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, form)
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
