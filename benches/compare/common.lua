-- What peek.lua and many.lua share.

local common = {}

math.randomseed(1)

-- The statistics in the file that STATISTICS names, in their text form.
function common.statistics()
  local path = os.getenv("STATISTICS") or error("say in STATISTICS which file lists the statistics")
  local statistics = {}
  for line in io.lines(path) do
    statistics[#statistics + 1] = line
  end
  return statistics
end

-- The parts of a statistic without refinements or escapes: metric, object type, object, tenant.
function common.parts(statistic)
  local parts = {}
  for part in statistic:gmatch("[^;]+") do
    parts[#parts + 1] = part
  end
  return parts
end

-- Percent-encodes what ends a field or means something else in a form. `;` and `@` stand for
-- themselves, as in the examples of the interface's document.
function common.encode(text)
  return (text:gsub("[%%&+=%c]", function(c) return string.format("%%%02X", c:byte()) end):gsub(" ", "+"))
end

local function base64(text)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 0, 3 do
      local digit = math.floor(bits / 64 ^ (3 - place)) % 64
      local is_there = place < 2 or (place == 2 and b) or (place == 3 and c)
      out[#out + 1] = is_there and alphabet:sub(digit + 1, digit + 1) or "="
    end
  end
  return table.concat(out)
end

-- The bytes of a POST with Basic credentials.
function common.post(path, body)
  local user = os.getenv("USER_NAME") or "default"
  local password = os.getenv("PASSWORD") or "password"
  local header = os.getenv("HEADER")
  return "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port
    .. "\r\nAuthorization: Basic " .. base64(user .. ":" .. password)
    .. "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. #body
    .. (header and "\r\n" .. header or "") .. "\r\n\r\n" .. body
end

-- One line: requests, seconds, answers that were none of 2xx.
function common.done(summary, _, _)
  io.write(string.format("requests %d seconds %.3f faults %d\n", summary.requests,
    summary.duration / 1e6, summary.errors.status + summary.errors.read + summary.errors.write
    + summary.errors.timeout))
end

return common
