-- Sends each request to the next of N workers, by its Host header. Arguments: N, and a pattern
-- for the host of one of them. With a third argument bodies are read and compared: the body is
-- the host of the request, so an answer of another worker is seen.

local here = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(here .. "report.lua")

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests = {}
  hosts = {}
  for number = 0, tonumber(args[1]) - 1 do
    local host = string.format(args[2], number)
    wrk.headers["Host"] = host
    requests[number] = wrk.format("GET", "/")
    hosts[host] = true
  end
  count = tonumber(args[1])
  next_worker = 0
  wrong = 0
  if args[3] then
    response = check
  end
end

function request()
  local number = next_worker
  next_worker = (number + 1) % count
  return requests[number]
end

-- Answers come in any order over the connections, so which host an answer is for is not known
-- here; that it is one of them is.
function check(status, headers, body)
  if not hosts[body] then
    wrong = wrong + 1
  end
end

function wrong_bodies()
  local sum = 0
  for _, thread in ipairs(threads) do
    sum = sum + (thread:get("wrong") or 0)
  end
  return sum
end
