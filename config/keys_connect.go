package config

// connectKeys declare where the process may go by itself, and how.
func connectKeys(c *Connect) []key {
	return []key{
		{
			Name: "connect.enabled", into: &c.Enabled,
			Default: "true", Example: "false",
			Meaning: "Whether this process runs connections. Of several, one runs each; those that do not may be kept from the Internet.",
		},
		{
			Name: "connect.secrets", into: &c.Secrets, check: checkOneLine,
			Default: "", Example: "/etc/acquis/connections",
			Meaning: "Folder with the files that settings name as `file:`, a secret in each. Settings may also name variables that begin with `CONNECT_`, as `env:`; empty means those alone.",
		},
		{
			Name: "connect.files", into: &c.Files, check: checkOneLine,
			Default: "", Example: "/var/lib/acquis/exports",
			Meaning: "Folder with a folder for each connection, by its name, whose files every run reads. Empty means that files are handed in only.",
		},
		{
			Name: "connect.hosts", into: &c.Hosts, check: checkOneLine,
			Default: "", Example: "gateway.pix.fr,*.openclassrooms.com",
			Meaning: "Hosts that may be asked; `*.` stands for every name below one. Empty means every host that has a public address.",
		},
		{
			Name: "connect.private", into: &c.Private, check: checkOneLine,
			Default: "", Example: "moodle.intra.example.org,10.1.2.3:8443",
			Meaning: "Hosts that may have an address which is not public, and may be asked without TLS. With a port, that port only.",
		},
		{
			Name: "connect.proxy", into: &c.Proxy, check: checkProxy,
			Default: "", Example: "http://proxy.example.org:3128",
			Meaning: "Proxy through which connections go, with its credentials when it asks for some. It decides then which addresses are reached.",
		},
		{
			Name: "connect.rate", into: &c.Rate, Min: "0", Max: "60000",
			Default: "120", Example: "30",
			Meaning: "Requests a minute to one host, over all connections of this process. 0 is no limit.",
		},
		{
			Name: "connect.attempts", into: &c.Attempts, Min: "1", Max: "10",
			Default: "4", Example: "2",
			Meaning: "How often one request is tried, where trying again is safe. `Retry-After` is heeded.",
		},
		{
			Name: "connect.timeout", into: &c.Timeout, Min: "1s", Max: "10m",
			Default: "30s", Example: "1m",
			Meaning: "How long one attempt may take.",
		},
		{
			Name: "connect.total", into: &c.Total, Min: "1s", Max: "1h",
			Default: "2m", Example: "5m",
			Meaning: "How long all attempts of one request may take together.",
		},
		{
			Name: "connect.answer", into: &c.Answer, Min: "64KiB", Max: "256MiB",
			Default: "16MiB", Example: "32MiB",
			Meaning: "Size of the largest answer that is read.",
		},
		{
			Name: "connect.break_after", into: &c.BreakAfter, Min: "1", Max: "1000",
			Default: "8", Example: "20",
			Meaning: "Failures in a row after which a host is left alone for a minute.",
		},
		{
			Name: "connect.jitter", into: &c.Jitter, Min: "0s", Max: "1h",
			Default: "1m", Example: "5m",
			Meaning: "The most that a run begins later than scheduled, so that not all begin at once.",
		},
		{
			Name: "connect.lease", into: &c.Lease, Min: "5s", Max: "1h",
			Default: "1m", Example: "2m",
			Meaning: "How long a process that runs a connection may say nothing before another goes on in its place.",
		},
	}
}
