-- Reads the body of every answer and counts those that are not the one in the first argument.
-- Slow: for a short run beside one that is measured.

local here = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(here .. "report.lua")

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  expected = args[1]
  wrong = 0
end

function response(status, headers, body)
  if body ~= expected then
    wrong = wrong + 1
  end
end

function wrong_bodies()
  local sum = 0
  for _, thread in ipairs(threads) do
    sum = sum + thread:get("wrong")
  end
  return sum
end
