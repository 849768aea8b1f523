package config

import (
	"fmt"
	"net"
	"slices"
	"time"
)

// rule is a condition on several keys together. The first of its keys is the one a fault is laid to.
type rule struct {
	keys []string
	// broken says how the rule is broken, or "" where it holds.
	broken func(Config) string
}

func rules() []rule {
	return []rule{
		{[]string{"root.key", "root.secret"}, func(c Config) string {
			if (c.Root.Key == "") == (c.Root.Secret == "") {
				return ""
			}
			return "root.key and root.secret go together: set both or neither"
		}},
		{[]string{"listen", "tls.cert", "proxy.trusted", "listen_insecure"}, exposed},
		{[]string{"tls.cert", "tls.key"}, func(c Config) string {
			if (c.TLS.Cert == "") == (c.TLS.Key == "") {
				return ""
			}
			return "tls.cert and tls.key go together: set both or neither"
		}},
		{[]string{"lockout.first", "lockout.longest"}, func(c Config) string {
			return above(c.Lockout.First, "lockout.longest", c.Lockout.Longest)
		}},
		{[]string{"oidc.audience", "oidc.issuer"}, func(c Config) string {
			if (c.OIDC.Issuer == "") == (c.OIDC.Audience == "") {
				return ""
			}
			return "oidc.issuer and oidc.audience go together: a token for another audience must not be taken here"
		}},
		{[]string{"limits.statement", "limits.body"}, func(c Config) string {
			return above(c.Limits.Statement, "limits.body", c.Limits.Body)
		}},
		{[]string{"limits.statement", "store.uri"}, func(c Config) string {
			return aboveMongo(c, c.Limits.Statement)
		}},
		{[]string{"limits.document", "store.uri"}, func(c Config) string {
			return aboveMongo(c, c.Limits.Document)
		}},
		{[]string{"limits.attachment", "limits.request"}, func(c Config) string {
			return above(c.Limits.Attachment, "limits.request", c.Limits.Request)
		}},
		{[]string{"limits.page_default", "limits.page"}, func(c Config) string {
			return above(c.Limits.PageDefault, "limits.page", c.Limits.Page)
		}},
		{[]string{"cors.origins"}, func(c Config) string {
			if len(c.CORS.Origins) > 1 && slices.Contains(c.CORS.Origins, "*") {
				return "* already means every origin: write it alone, or leave it out"
			}
			return ""
		}},
		{[]string{"ops.listen", "listen"}, func(c Config) string {
			if c.Ops.Listen == "" || c.Ops.Listen != c.Listen {
				return ""
			}
			return "is the same address as listen: choose another, or leave it empty to answer on listen"
		}},
	}
}

// exposed refuses an address that others reach while nothing encrypts what they send. A trusted proxy is
// taken to do so.
func exposed(c Config) string {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || isLoopback(host) || c.TLS.Cert != "" || len(c.Proxy.Trusted) > 0 || c.ListenInsecure {
		return ""
	}
	return fmt.Sprintf("%s can be reached from other machines, and nothing encrypts the credentials that they send: "+
		"set tls.cert and tls.key; or proxy.trusted to the network of the proxy that speaks TLS before this process; "+
		"or, where neither is needed, listen_insecure to true", c.Listen)
}

// mongoMost leaves room beside a statement or document for what is kept with it: MongoDB takes 16 MiB in all.
const mongoMost = 12 * MiB

func aboveMongo(c Config, limit Bytes) string {
	if c.Store.URI == "" || limit <= mongoMost {
		return ""
	}
	return fmt.Sprintf("%v is above %v, the most that is kept on MongoDB", limit, mongoMost)
}

func above[N int | Bytes | time.Duration](part N, wholeName string, whole N) string {
	if part <= whole {
		return ""
	}
	return fmt.Sprintf("%v is above %s, %v", part, wholeName, whole)
}

// Validate judges a configuration that was changed after Load, by command line flags for instance: each
// value by itself and all together. The error is of type Faults.
func (c Config) Validate() error {
	var faults Faults
	for _, k := range keys(&c) {
		if err := k.judge(); err != nil {
			faults = append(faults, Fault{Key: k.Name, Problem: err.Error()})
		}
	}
	return faults.andRules(c, nil).err()
}

// andRules adds the faults of rules whose keys are all sound: a rule about a value that is already
// reported would only repeat it.
func (f Faults) andRules(c Config, origins map[string]Origin) Faults {
	unsound := map[string]bool{}
	for _, fault := range f {
		unsound[fault.Key] = true
	}
	for _, r := range rules() {
		if slices.ContainsFunc(r.keys, func(name string) bool { return unsound[name] }) {
			continue
		}
		if problem := r.broken(c); problem != "" {
			f = append(f, r.fault(problem, origins))
		}
	}
	return f
}

// fault names the place of every key of the rule that was set, since any of them may be the one to mend.
func (r rule) fault(problem string, origins map[string]Origin) Fault {
	fault := Fault{Key: r.keys[0], Problem: problem}
	for _, name := range r.keys {
		origin := origins[name]
		switch {
		case origin == (Origin{}):
		case fault.Origin == (Origin{}):
			fault.Origin = origin
		default:
			fault.Problem += fmt.Sprintf(" (%s is set by %s)", name, origin)
		}
	}
	return fault
}
