-- For wrk: one request again and again, as the environment says it (so that no secret is in a list of processes).
--
-- BENCH_METHOD, BENCH_PATH, BENCH_BODY; BENCH_HEADERS: lines "Name: value".
-- BENCH_WANTED: text that the body of each good answer holds; empty: its status says enough.
-- BENCH_IDS: ids for @id@ in path and body, in turn; BENCH_SEED: where the numbers for @fresh@ begin.
local method, path, body = os.getenv("BENCH_METHOD"), os.getenv("BENCH_PATH"), os.getenv("BENCH_BODY")
local expected = os.getenv("BENCH_WANTED") or ""
local counter = tonumber(os.getenv("BENCH_SEED") or "0")
local ids, threads = {}, {}
-- wrk shares globals, and no others, between its threads and its end.
wrong, said = 0, ""

for id in string.gmatch(os.getenv("BENCH_IDS") or "", "%d+") do ids[#ids + 1] = id end
for name, value in string.gmatch(os.getenv("BENCH_HEADERS") or "", "([^:\n]+): ([^\n]*)") do wrk.headers[name] = value end
if body == "" then body = nil end

local function changes(text) return text and string.find(text, "@%a+@") end

local function filled(text)
  if not text then return nil end
  return (string.gsub(text, "@(%a+)@", { fresh = tostring(counter), id = ids[counter % math.max(#ids, 1) + 1] }))
end

if changes(path) or changes(body) then
  function request()
    counter = counter + 1
    return wrk.format(method, filled(path), nil, filled(body))
  end
else
  local same
  function request()
    same = same or wrk.format(method, path, nil, body)
    return same
  end
end

if expected ~= "" then
  function response(status, headers, answer)
    if status ~= 200 or not string.find(answer, expected, 1, true) then
      wrong = wrong + 1
      if said == "" then said = status .. " " .. string.sub(string.gsub(answer, "%c", " "), 1, 150) end
    end
  end
end

function setup(thread) threads[#threads + 1] = thread end

function done(summary, latency)
  local errors, bad, first = summary.errors, 0, ""
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("wrong")
    if first == "" then first = thread:get("said") end
  end
  io.write(string.format("\nBENCH %d %d %.1f %.1f %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout,
    errors.status, bad))
  io.write("SAID " .. first .. "\n")
end
