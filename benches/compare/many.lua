-- COUNT statistics a request [100], at random, for wrk; else as peek.lua.

local common = dofile((debug.getinfo(1, "S").source:sub(2):match("(.*/)") or "./") .. "common.lua")

local requests = {}

function init(_)
  local statistics = common.statistics()
  local count = tonumber(os.getenv("COUNT") or 100)
  for i = 1, 512 do
    local fields = {}
    for n = 1, count do
      fields[n] = "stat" .. n .. "=" .. common.encode(statistics[math.random(#statistics)])
    end
    requests[i] = common.post("/genesys/1/statistics", table.concat(fields, "&"))
  end
end

local at = 0

function request()
  at = at % #requests + 1
  return requests[at]
end

done = common.done
