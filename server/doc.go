// Package server is the one HTTP server of the program: the gin engine, what every request
// passes through, the list of mounted surfaces, and an orderly end.
//
// A request passes, from outside in:
//
//	request id     an id in the context, the answer and the log
//	slow clients   deadlines that move with progress, never a total time
//	gzip answers   compressed when large, with an ETag of their own
//	router         routes on the decoded path, no redirects
//	access log     one line a request
//	metrics        by route template, method and status
//	recover        a panic becomes a 500
//	CORS           for the mounts that browsers may call from elsewhere
//	bodies         a ceiling on size; gzip bodies are decoded as they are read
//
// and then the handler of its surface. Surfaces answer errors through package problem.
package server
