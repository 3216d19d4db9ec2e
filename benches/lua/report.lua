-- Prints wrk's figures as one line of JSON. Not here: what is requested.

function done(summary, latency, requests)
  local errors = summary.errors
  local seconds = elapsed_s and elapsed_s() or summary.duration / 1e6
  io.write(string.format(
    'RESULT {"requests": %d, "bytes": %d, "seconds": %.6f, "wrong_bodies": %d, ' ..
    '"p50_ms": %.4f, "p90_ms": %.4f, "p99_ms": %.4f, "max_ms": %.4f, ' ..
    '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.bytes, seconds, wrong_bodies and wrong_bodies() or 0,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
