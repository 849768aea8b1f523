// Package server is the one HTTP server of the program: the gin engine, what every request
// passes through, the list of mounted surfaces, and an orderly end.
//
// A request passes, from outside in:
//
//	welcome        an id in the context, the answer and the log; the client behind trusted proxies
//	safe headers   what browsers are told about every answer
//	slow clients   deadlines that move with progress, never a total time
//	gzip answers   compressed when large, with an ETag of their own
//	router         routes on the decoded path, no redirects
//	access log     one line a request
//	metrics        by route template, method and status
//	recover        a panic becomes a 500
//	CORS           for the mounts that browsers may call from elsewhere
//	bodies         a ceiling on size; gzip bodies are decoded as they are read
//	admission      whether the client may ask now, but for the probes
//
// and then the handler of its surface. Surfaces answer errors through package problem.
package server
