-- Requests for the `kv` bench. Arguments:
--   1  operation: get, once, put, list, many
--   2  prefix of the keys
--   3  number of the first key
--   4  how many keys
--   5  bytes of a value (put), keys per request (many)
--   6  generation, a text that a put value has behind its key
--   7  if given, the length that every body must have, and then each body is read
--   8  how every body begins
-- `once` gets each key one time and ends then, before the time is over if need be.

local here = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(here .. "report.lua")

local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } bench_time; int clock_gettime(int, bench_time *);")

local CLOCK_MONOTONIC = 1
local KEY = "%s:%010d"
-- Odd and no divisor of any count of keys in use, so that puts go through all of them.
local STEP = 7919

local threads = {}

local function now()
  local time = ffi.new("bench_time")
  ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.s) + tonumber(time.ns) / 1e9
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  operation, prefix = args[1], args[2]
  first, count, size = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  generation = args[6]
  sent, wrong, began, ended = 0, 0, 0, 0
  local host = wrk.headers["Host"]
  tail = " HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n"
  if operation == "put" then
    filler = string.rep("v", size)
    put_tail = " HTTP/1.1\r\nHost: " .. host .. "\r\nContent-Length: " .. size .. "\r\n\r\n"
  end
  if args[7] then
    expected_bytes, expected_start = tonumber(args[7]), args[8]
    response = check
  end
end

function request()
  local number = sent
  sent = sent + 1
  -- wrk asks for one request before it starts, which is not sent.
  if number == 1 then
    began = now()
  end
  if operation == "get" then
    return "GET /get/" .. KEY:format(prefix, first + number % count) .. tail
  elseif operation == "once" then
    if number > count and ended == 0 then
      ended = now()
      wrk.thread:stop()
    end
    return "GET /get/" .. KEY:format(prefix, first + math.max(number - 1, 0) % count) .. tail
  elseif operation == "put" then
    local key = KEY:format(prefix, first + number * STEP % count)
    local marker = key .. "|" .. generation .. "|"
    return "PUT /put/" .. key .. put_tail .. marker .. filler:sub(#marker + 1)
  elseif operation == "list" then
    return "GET /list/" .. prefix .. tail
  end
  local from = first + number * size % count
  return "GET /many/" .. prefix .. "/" .. from .. "/" .. size .. tail
end

-- Answers come in any order over the connections, so which key an answer is for is not known here;
-- that it is one of the keys, with a value of its length, is.
function check(status, headers, body)
  if status ~= 200 or #body ~= expected_bytes or
      body:sub(1, #expected_start) ~= expected_start then
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

-- How long requests were sent, if that ended before the time was over.
function elapsed_s()
  local thread = threads[1]
  if thread:get("ended") > 0 then
    return thread:get("ended") - thread:get("began")
  end
  return nil
end
