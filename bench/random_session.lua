-- Sends each request with a random cookie of a file that has one a line. wrk passes the path of the file to init.
local requests = {}

function init(arguments)
  for cookie in io.lines(arguments[1]) do
    wrk.headers["Cookie"] = cookie
    requests[#requests + 1] = wrk.format()
  end
end

function request()
  return requests[math.random(#requests)]
end
