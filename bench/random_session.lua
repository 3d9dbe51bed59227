-- Each request with the cookie of a session taken at random; wrk is given the file with the cookies, one a line.
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
