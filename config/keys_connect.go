package config

// connectKeys declare where the process may go by itself.
func connectKeys(c *Connect) []key {
	return []key{
		{
			Name: "connect.hosts", into: &c.Hosts, check: checkOneLine,
			Default: "", Example: "lrs.example.org,*.partner.example",
			Meaning: "Hosts that may be asked; `*.` stands for every name below one. Empty means every host that has a public address.",
		},
		{
			Name: "connect.private", into: &c.Private, check: checkOneLine,
			Default: "", Example: "lrs.internal,127.0.0.1:9090",
			Meaning: "Hosts that may have an address which is not public, and may be asked without TLS. With a port, that port only.",
		},
		{
			Name: "connect.secrets", into: &c.Secrets, check: checkOneLine,
			Default: "", Example: "/etc/acquis/secrets",
			Meaning: "Folder with the files that settings name as `file:`, a secret in each. Settings may also name variables that begin with `CONNECT_`, as `env:`.",
		},
	}
}
