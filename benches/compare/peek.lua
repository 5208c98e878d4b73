-- One statistic a request, at random, for wrk:
--   peekd inspect last --store DIR --format csv | cut -d, -f1 | tail -n +2 >statistics.txt
--   STATISTICS=statistics.txt wrk -t1 -c64 -d5s -s benches/compare/peek.lua http://127.0.0.1:8080
-- Environment: STATISTICS, a file of statistics in their text form; USER_NAME and PASSWORD [default,
-- password]; HEADER, a further header line such as "Cache-Control: max-age=5".
-- The requests are made in advance, so that wrk itself costs the same whatever it talks to.

local common = dofile((debug.getinfo(1, "S").source:sub(2):match("(.*/)") or "./") .. "common.lua")

local requests = {}

function init(_)
  local statistics = common.statistics()
  for i = 1, 4096 do
    local parts = common.parts(statistics[math.random(#statistics)])
    local fields = { "objectId=" .. common.encode(parts[3]), "objectType=" .. parts[2],
      "tenant=" .. common.encode(parts[4]), "tenantPassword=", "metric=" .. common.encode(parts[1]) }
    requests[i] = common.post("/genesys/1/statistic", table.concat(fields, "&"))
  end
end

local at = 0

function request()
  at = at % #requests + 1
  return requests[at]
end

done = common.done
