package config

// section heads the keys that share the first part of their name.
type section struct{ name, title, meaning string }

// sections are in the order of the reference. The keys of the top level come first.
func sections() []section {
	return []section{
		{"", "Server", "Where Acquis listens and where it keeps its data."},
		{"root", "Root credential", "A credential with every scope. Set both keys or neither; without them, the first start makes a credential of its own and prints it once."},
		{"xapi", "xAPI", "The versions of the specification that are spoken."},
		{"limits", "Limits", "What one request may send and cost. A request that sends too much gets a 4xx answer, and nothing of it is stored."},
		{"http", "Connections", "How long a connection may take."},
		{"tls", "TLS", "The certificate with which connections are encrypted. Basic credentials must not travel in the clear: set it, or put a proxy before Acquis."},
		{"proxy", "Proxies", "Whose word is taken for where a request comes from."},
		{"rate", "Rates", "How often one client may ask; a request too many gets a 429 answer. Each process counts for itself: with several, a client may get as many times the rate. What this machine asks past no proxy is not limited."},
		{"lockout", "Lock-out", "What makes guessing secrets slow. Each process counts for itself."},
		{"access", "Access", "How sources and credentials are kept up to date."},
		{"oauth", "Tokens", "The tokens that are handed out for a credential."},
		{"oidc", "Tokens of others", "An OpenID provider whose bearer tokens are taken."},
		{"connect", "Other platforms", "Where Acquis goes by itself: to record stores and webhooks that it forwards to or pulls from, and to the platforms of connectors."},
		{"hub", "Hub", "How people, the catalogue and figures are kept."},
		{"validation", "Validation", "How far statements are judged."},
		{"store", "Store", "The embedded store, or the MongoDB that takes its place."},
		{"cors", "Browsers", "Which web pages may call the record store from a browser."},
		{"ops", "Operations", "Where health and metrics are answered."},
		{"log", "Log", "What is written to the log, and how."},
	}
}

// keys declares every key there is, bound to the fields of c. This is the only place that names them; the
// order is that of the reference.
func keys(c *Config) []key {
	var all []key
	all = append(all, serverKeys(c)...)
	all = append(all, limitKeys(&c.Limits)...)
	all = append(all, httpKeys(&c.HTTP)...)
	all = append(all, tlsKeys(c)...)
	all = append(all, rateKeys(c)...)
	all = append(all, accessKeys(c)...)
	all = append(all, connectKeys(&c.Connect)...)
	all = append(all, hubKeys(&c.Hub)...)
	all = append(all, storeKeys(c)...)
	all = append(all, edgeKeys(c)...)
	return all
}

func serverKeys(c *Config) []key {
	return []key{
		{
			Name: "listen", into: &c.Listen, check: checkAddress,
			Default: "127.0.0.1:8080", Example: "0.0.0.0:8080",
			Meaning: "Address and port to listen on. The default is reached from this machine only; an empty address before the colon means every interface. One that others reach needs `tls.cert`, `proxy.trusted` or `listen_insecure`.",
		},
		{
			Name: "listen_insecure", into: &c.ListenInsecure,
			Default: "false", Example: "true",
			Meaning: "Whether `listen` may be reached by others without TLS and without a trusted proxy. Whoever is on the way then reads credentials and statements.",
		},
		{
			Name: "public_url", into: &c.PublicURL, check: checkPublicURL,
			Default: "", Example: "https://acquis.example.org",
			Meaning: "Scheme, host and port under which partners reach Acquis, without `base_path`. Answers that must name it use it; empty means what the request says.",
		},
		{
			Name: "data", into: &c.Data, check: checkNotEmpty,
			Default: "./data", Example: "/var/lib/acquis",
			Meaning: "Directory of the embedded store, made when it is missing. One process at a time may use it. On MongoDB (`store.uri`) it is not used.",
		},
		{
			Name: "base_path", into: &c.BasePath, check: checkBasePath,
			Default: "", Example: "/acquis",
			Meaning: "Path under which a proxy publishes Acquis. It starts with a slash and does not end with one.",
		},
		{
			Name: "root.key", into: &c.Root.Key, check: checkUser,
			Default: "", Example: "root",
			Meaning: "User name of the root credential. It may not hold a colon, which HTTP Basic uses as its separator.",
		},
		{
			Name: "root.secret", into: &c.Root.Secret, check: checkPassword,
			Default: "", Example: "replace-this-by-a-long-random-text",
			Meaning: "Password of the root credential. It is never printed or logged.",
		},
		{
			Name: "xapi.versions", into: &c.XAPI.Versions,
			Default: "1.0.3,2.0.0", Example: "2.0.0,1.0.3", Allowed: []string{"1.0.3", "2.0.0"}, Min: "1",
			Meaning: "Versions that are spoken. The first is announced to a request without a version header; a version left out is turned off.",
		},
	}
}

func limitKeys(l *Limits) []key {
	return []key{
		{
			Name: "limits.body", into: &l.Body, Min: "1KiB", Max: "1GiB",
			Default: "16MiB", Example: "32MiB",
			Meaning: "Largest JSON request body, after decompression.",
		},
		{
			Name: "limits.batch", into: &l.Batch, Min: "1", Max: "100000",
			Default: "5000", Example: "1000",
			Meaning: "Most statements in one POST.",
		},
		{
			Name: "limits.statement", into: &l.Statement, Min: "1KiB", Max: "64MiB",
			Default: "1MiB", Example: "256KiB",
			Meaning: "Largest single statement. It cannot be larger than `limits.body`, nor than 12MiB on MongoDB.",
		},
		{
			Name: "limits.depth", into: &l.Depth, Min: "16", Max: "1000",
			Default: "64", Example: "32",
			Meaning: "Most levels of objects and arrays inside one another in a JSON body. The least allowed leaves room for everything that the specification defines.",
		},
		{
			Name: "limits.attachment", into: &l.Attachment, Min: "1KiB", Max: "16GiB",
			Default: "100MiB", Example: "500MiB",
			Meaning: "Largest single attachment. It cannot be larger than `limits.request`.",
		},
		{
			Name: "limits.request", into: &l.Request, Min: "1KiB", Max: "64GiB",
			Default: "512MiB", Example: "1GiB",
			Meaning: "Largest multipart request, statements and attachments together.",
		},
		{
			Name: "limits.document", into: &l.Document, Min: "1KiB", Max: "1GiB",
			Default: "10MiB", Example: "2MiB",
			Meaning: "Largest state or profile document. It cannot be larger than 12MiB on MongoDB.",
		},
		{
			Name: "limits.page", into: &l.Page, Min: "1", Max: "10000",
			Default: "1000", Example: "500",
			Meaning: "Most statements on one page, whatever `limit` a request asks for; a `limit` of 0 asks for this many.",
		},
		{
			Name: "limits.page_default", into: &l.PageDefault, Min: "1", Max: "10000",
			Default: "100", Example: "50",
			Meaning: "Statements on one page when a request has no `limit`. It cannot be more than `limits.page`.",
		},
		{
			Name: "limits.query_steps", into: &l.QuerySteps, Min: "1000", Max: "1000000000",
			Default: "100000", Example: "2000000",
			Meaning: "Index steps that one request may take. A query that needs more answers with a short, perhaps empty, page and a `more` link: nothing is skipped.",
		},
		{
			Name: "limits.header", into: &l.Header, Min: "4KiB", Max: "1MiB",
			Default: "64KiB", Example: "32KiB",
			Meaning: "Largest request line and headers together.",
		},
	}
}

func httpKeys(h *HTTP) []key {
	return []key{
		{
			Name: "http.header_timeout", into: &h.HeaderTimeout, Min: "100ms", Max: "10m",
			Default: "10s", Example: "5s",
			Meaning: "How long a client may take to send the headers of a request.",
		},
		{
			Name: "http.read_idle_timeout", into: &h.ReadIdleTimeout, Min: "100ms", Max: "1h",
			Default: "30s", Example: "1m",
			Meaning: "How long a request body may make no progress. A slow upload that goes on is not cut.",
		},
		{
			Name: "http.write_idle_timeout", into: &h.WriteIdleTimeout, Min: "100ms", Max: "1h",
			Default: "30s", Example: "1m",
			Meaning: "How long a client may take no more of an answer. A slow download that goes on is not cut.",
		},
		{
			Name: "http.idle_timeout", into: &h.IdleTimeout, Min: "1s", Max: "1h",
			Default: "2m", Example: "75s",
			Meaning: "How long a connection is kept open between two requests. Behind a proxy, choose more than the proxy does.",
		},
		{
			Name: "http.drain_delay", into: &h.DrainDelay, Min: "0s", Max: "5m",
			Default: "0s", Example: "5s",
			Meaning: "How long connections are still taken after SIGTERM made readiness go false, so that a load balancer can look away first.",
		},
		{
			Name: "http.drain", into: &h.Drain, Min: "0s", Max: "1h",
			Default: "30s", Example: "20s",
			Meaning: "How long SIGTERM waits for requests in flight. Choose less than the supervisor waits before it kills.",
		},
	}
}

func storeKeys(c *Config) []key {
	return []key{
		{
			Name: "validation.schema", into: &c.Validation.Schema,
			Default: "explain", Example: "always", Allowed: []string{"explain", "always"},
			Meaning: "When the JSON Schemas judge: `explain` only lists the violations of a statement that is refused, `always` also judges every statement that is accepted, which costs 100 to 250 µs each.",
		},
		{
			Name: "validation.signature_roots", into: &c.Validation.SignatureRoots,
			Default: "", Example: "/etc/acquis/signers.pem",
			Meaning: "PEM file of the certificate authorities that the certificates of signed statements must chain to. Empty means that the chain is not checked; the signature is, either way.",
		},
		{
			Name: "store.uri", into: &c.Store.URI, check: checkOneLine,
			Default: "", Example: "mongodb://acquis:replace-this@db1.example.org,db2.example.org,db3.example.org/acquis?replicaSet=acquis&tls=true",
			Meaning: "Connection string of a MongoDB, whose path names the database (`acquis` without one); several processes may share it. Empty means the embedded store. It is never printed or logged; the log says hosts and database.",
		},
		{
			Name: "store.lease", into: &c.Store.Lease, Min: "1s", Max: "10m",
			Default: "10s", Example: "30s",
			Meaning: "On MongoDB: how long a process may say nothing before the others go on without it. What it had not answered by then is not stored. The embedded store ignores it.",
		},
		{
			Name: "store.clock_skew", into: &c.Store.ClockSkew, Min: "100ms", Max: "5m",
			Default: "5s", Example: "1s",
			Meaning: "On MongoDB: how far the clocks of two processes may be apart. One that is further off is refused. The embedded store ignores it.",
		},
		{
			Name: "store.cache", into: &c.Store.Cache, Min: "8MiB", Max: "1TiB",
			Default: "128MiB", Example: "1GiB",
			Meaning: "Memory for blocks read from disk. More makes scattered queries on a large store faster. MongoDB ignores it.",
		},
		{
			Name: "store.memtable", into: &c.Store.Memtable, Min: "1MiB", Max: "1GiB",
			Default: "64MiB", Example: "128MiB",
			Meaning: "Memory that collects writes before they go to a sorted file. More makes for fewer, larger files and a longer start after a crash. MongoDB ignores it.",
		},
		{
			Name: "store.orphan_age", into: &c.Store.OrphanAge, Min: "1m", Max: "8760h",
			Default: "24h", Example: "72h",
			Meaning: "Age at which an attachment that no statement refers to is removed.",
		},
	}
}

func edgeKeys(c *Config) []key {
	return []key{
		{
			Name: "cors.origins", into: &c.CORS.Origins, check: checkOrigin,
			Default: "*", Example: "https://learn.example.org,https://courses.example.org",
			Meaning: "Origins (scheme, host and port) whose pages may call the record store. `*` alone means every origin; an empty list means none.",
		},
		{
			Name: "cors.max_age", into: &c.CORS.MaxAge, Min: "0s", Max: "24h",
			Default: "10m", Example: "1h",
			Meaning: "How long a browser may remember the answer to its preflight request.",
		},
		{
			Name: "ops.listen", into: &c.Ops.Listen, check: checkOptionalAddress,
			Default: "", Example: "127.0.0.1:9090",
			Meaning: "Second address, which takes `/metrics` away from the main one. Empty means that health and metrics are answered on `listen`.",
		},
		{
			Name: "log.level", into: &c.Log.Level,
			Default: "info", Example: "debug", Allowed: []string{"debug", "info", "warn", "error"},
			Meaning: "Least severe level that is written.",
		},
		{
			Name: "log.format", into: &c.Log.Format,
			Default: "text", Example: "json", Allowed: []string{"text", "json"},
			Meaning: "Form of the log lines: `text` for people, `json` for collectors.",
		},
	}
}
