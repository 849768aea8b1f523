package config

// tlsKeys declare how a request comes in safely.
func tlsKeys(c *Config) []key {
	return []key{
		{
			Name: "tls.cert", into: &c.TLS.Cert, check: checkOneLine,
			Default: "", Example: "/etc/acquis/tls.crt",
			Meaning: "PEM file of the certificate, followed by those that lead to its authority. With it, `listen` takes HTTPS alone. A changed file is in use within seconds, without a restart.",
		},
		{
			Name: "tls.key", into: &c.TLS.Key, check: checkOneLine,
			Default: "", Example: "/etc/acquis/tls.key",
			Meaning: "PEM file of the certificate's private key.",
		},
		{
			Name: "tls.min_version", into: &c.TLS.MinVersion,
			Default: "1.2", Example: "1.3", Allowed: []string{"1.2", "1.3"},
			Meaning: "Oldest version of TLS that is spoken.",
		},
		{
			Name: "tls.hsts", into: &c.TLS.HSTS, Min: "0s", Max: "17520h",
			Default: "8760h", Example: "24h",
			Meaning: "How long browsers shall come back by HTTPS only, said in every answer over TLS, be it Acquis's own or a trusted proxy's. 0s says nothing.",
		},
		{
			Name: "proxy.trusted", into: &c.Proxy.Trusted, check: checkNetwork,
			Default: "", Example: "192.0.2.0/24,2001:db8::/32",
			Meaning: "Networks of the proxies before Acquis. Of these alone `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are believed. A single address is a network too.",
		},
	}
}

// rateKeys declare how much one client may ask.
func rateKeys(c *Config) []key {
	return []key{
		{
			Name: "rate.address", into: &c.Rate.Address, Min: "0", Max: "1000000",
			Default: "1000", Example: "200",
			Meaning: "Requests a second from one address (an IPv6 network of 64 bits counts as one), in the long run. 0 is no limit.",
		},
		{
			Name: "rate.address_burst", into: &c.Rate.AddressBurst, Min: "1", Max: "1000000",
			Default: "2000", Example: "400",
			Meaning: "Requests that an address may send at once after a pause.",
		},
		{
			Name: "rate.credential", into: &c.Rate.Credential, Min: "0", Max: "1000000",
			Default: "500", Example: "50",
			Meaning: "Requests a second with one credential, in the long run, where its source has no rate of its own. 0 is no limit.",
		},
		{
			Name: "rate.credential_burst", into: &c.Rate.CredentialBurst, Min: "1", Max: "1000000",
			Default: "1000", Example: "100",
			Meaning: "Requests that may come with a credential at once after a pause.",
		},
		{
			Name: "rate.daily", into: &c.Rate.Daily, Min: "0", Max: "1000000000",
			Default: "0", Example: "500000",
			Meaning: "Statements that a source may store in a day (UTC), where it has no quota of its own. The batch that passes it is stored; the next is refused until midnight. 0 is no limit.",
		},
		{
			Name: "rate.tracked", into: &c.Rate.Tracked, Min: "1000", Max: "10000000",
			Default: "65536", Example: "262144",
			Meaning: "Addresses, and credentials, whose rate is remembered, some 300 bytes each. Beyond, those that were silent longest are forgotten.",
		},
		{
			Name: "lockout.failures", into: &c.Lockout.Failures, Min: "1", Max: "1000",
			Default: "10", Example: "5",
			Meaning: "Wrong secrets for a key from one address before it has to wait. Ten times as many from the address, for any keys, make it wait for all.",
		},
		{
			Name: "lockout.first", into: &c.Lockout.First, Min: "100ms", Max: "1h",
			Default: "1s", Example: "5s",
			Meaning: "The first wait; it doubles with each further wrong secret.",
		},
		{
			Name: "lockout.longest", into: &c.Lockout.Longest, Min: "1s", Max: "24h",
			Default: "15m", Example: "1h",
			Meaning: "The longest wait. After as long without a wrong secret, all is forgotten.",
		},
	}
}

// accessKeys declare how credentials and tokens come and go.
func accessKeys(c *Config) []key {
	return []key{
		{
			Name: "access.refresh", into: &c.Access.Refresh, Min: "100ms", Max: "1m",
			Default: "1s", Example: "5s",
			Meaning: "How often a process looks for sources and credentials that another one has changed: a credential is disabled, and a token revoked, everywhere within this time.",
		},
		{
			Name: "oauth.token_lifetime", into: &c.OAuth.TokenLifetime, Min: "1m", Max: "24h",
			Default: "1h", Example: "30m",
			Meaning: "How long an access token of `/oauth2/token` is good.",
		},
		{
			Name: "oauth.launch_lifetime", into: &c.OAuth.LaunchLifetime, Min: "1m", Max: "24h",
			Default: "4h", Example: "1h",
			Meaning: "How long a launch token is good, which content in a learner's browser gets in place of a credential.",
		},
		{
			Name: "oidc.issuer", into: &c.OIDC.Issuer, check: checkIssuer,
			Default: "", Example: "https://login.example.org/realms/partners",
			Meaning: "Issuer whose bearer tokens are taken, as its discovery document and the tokens name it. Empty means none.",
		},
		{
			Name: "oidc.audience", into: &c.OIDC.Audience, check: checkOneLine,
			Default: "", Example: "acquis",
			Meaning: "Audience that a token of the issuer must be for.",
		},
		{
			Name: "oidc.scope_claim", into: &c.OIDC.ScopeClaim, check: checkNotEmpty,
			Default: "scope", Example: "scp",
			Meaning: "Claim of the token that holds its scopes: one text with spaces, or a list.",
		},
		{
			Name: "oidc.scope_prefix", into: &c.OIDC.ScopePrefix, check: checkOneLine,
			Default: "", Example: "https://acquis.example.org/",
			Meaning: "What stands before each scope that is meant for Acquis; others are passed over.",
		},
		{
			Name: "oidc.client_claim", into: &c.OIDC.ClientClaim, check: checkNotEmpty,
			Default: "azp", Example: "client_id",
			Meaning: "Claim of the token that names the client it was issued to.",
		},
	}
}
