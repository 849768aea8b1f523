package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultsOf loads a file called acquis.yaml and gives the lines of the faults, its folder left out.
func faultsOf(t *testing.T, file string, environ ...string) []string {
	t.Helper()
	path := writeFile(t, file)
	config, err := Load(path, environ)
	if err == nil {
		t.Fatal("the configuration was accepted")
	}
	if diff := cmp.Diff(Config{}, config); diff != "" {
		t.Errorf("a refused configuration was handed out: %s", diff)
	}
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("%T is not Faults: %v", err, err)
	}
	var lines []string
	for _, fault := range faults {
		lines = append(lines, strings.ReplaceAll(fault.String(), filepath.Dir(path)+"/", ""))
	}
	return lines
}

func TestFaultsOfFile(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"an unknown key is refused with the nearest", "\nlisten: '127.0.0.1:1'\ndaat: x\n", "acquis.yaml:3: daat: there is no such key; did you mean data?"},
		{"an unknown key of a section is refused", "limits:\n  bodi: 1MiB\n", "acquis.yaml:2: limits.bodi: there is no such key; did you mean limits.body?"},
		{"an unknown section is refused", "limit: {body: 1MiB}\n", "acquis.yaml:1: limit: there is no such key; did you mean limits?"},
		{"a forgotten section is suggested", "memtable: 1MiB\n", "acquis.yaml:1: memtable: there is no such key; did you mean store.memtable?"},
		{"nothing is suggested for what resembles nothing", "frobnicate: 1\n", "acquis.yaml:1: frobnicate: there is no such key"},
		{"case matters", "Listen: ':1'\n", "acquis.yaml:1: Listen: there is no such key; did you mean listen?"},
		{"an empty key is unknown", "'': 1\n", "acquis.yaml:1: there is no such key"},
		{"a merge key is unknown", "<<: {listen: ':1'}\n", "acquis.yaml:1: <<: there is no such key"},
		{"a key stands once", "listen: ':1'\nlisten: ':2'\n", "acquis.yaml:2: listen: stands in the file twice, first in line 1"},
		{"a section stands once", "log: {level: info}\nlog: {format: json}\n", "acquis.yaml:2: log: stands in the file twice, first in line 1"},
		{"a dotted key counts as the key of its section", "log: {level: info}\nlog.level: warn\n", "acquis.yaml:2: log.level: stands in the file twice, first in line 1"},
		{"a key needs a value", "listen:\n", `acquis.yaml:1: listen: has no value: write one, "" for an empty one, or remove the line`},
		{"a plain key takes no list", "listen: [':1', ':2']\n", "acquis.yaml:1: listen: takes one value, not a list"},
		{"a plain key takes no keys", "listen: {port: 1}\n", "acquis.yaml:1: listen: takes a value, not keys of its own"},
		{"a list takes plain values", "cors:\n  origins:\n  - {a: b}\n", "acquis.yaml:3: cors.origins: holds an element that is not a plain value"},
		{"a section takes no value", "limits: 16MiB\n", `acquis.yaml:1: limits: is a section: its keys go on lines of their own below it, each as "key: value"`},
		{"a list is not a configuration", "- listen\n", "acquis.yaml:1: the file is not a list of keys and values, such as listen: 127.0.0.1:8080"},
		{"a second document is refused", "listen: '127.0.0.1:1'\n---\ndata: x\n", "acquis.yaml:2: a second document starts here: the file holds one"},
		{"a second document that is not YAML is refused", "listen: '127.0.0.1:1'\n---\n[\n", "acquis.yaml: is not YAML: line 3: did not find expected node content"},
		{"an unknown anchor is not quoted", "root: {key: me, secret: *s3cret}\n", "acquis.yaml: is not YAML: unknown anchor referenced: a value that starts with a star needs quotes"},
		{"a secret comes from one place", "root: {key: me, secret: x, secret_file: y}\n", "acquis.yaml:1: root.secret: root.secret and root.secret_file are both set, one of them by line 1: keep one"},
		{"in either order", "root:\n  key: me\n  secret_file: y\n  secret: x\n", "acquis.yaml:4: root.secret: root.secret and root.secret_file are both set, one of them by line 3: keep one"},
		{"a secret file is there", "root: {key: me, secret_file: /nowhere/secret}\n", "acquis.yaml:1: root.secret: the file cannot be read: open /nowhere/secret: no such file or directory"},
		{"a secret file is one", "root: {key: me, secret_file: [a]}\n", "acquis.yaml:1: root.secret: root.secret_file takes one value, not a list"},
		{"a misspelt secret file is told", "root: {secret_fiel: a}\n", "acquis.yaml:1: root.secret_fiel: there is no such key; did you mean root.secret_file?"},
		{"only a secret has a file", "listen_file: a\n", "acquis.yaml:1: listen_file: there is no such key"},
		{"a section cannot contain itself", "limits: &l {limits: *l}\n", "acquis.yaml:1: limits.limits: there is no such key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{test.want}, faultsOf(t, test.file)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFaultsOfVariables(t *testing.T) {
	empty := writeFile(t, "\n")
	tests := []struct {
		name    string
		environ []string
		want    string
	}{
		{"an unknown variable is refused with the nearest", []string{"ACQUIS_LIMIT_BODY=1"}, "ACQUIS_LIMIT_BODY: there is no such variable; did you mean ACQUIS_LIMITS_BODY?"},
		{"case matters", []string{"ACQUIS_listen=:1"}, "ACQUIS_listen: there is no such variable; did you mean ACQUIS_LISTEN?"},
		{"nothing is suggested for what resembles nothing", []string{"ACQUIS_FROBNICATE=1"}, "ACQUIS_FROBNICATE: there is no such variable"},
		{"only a secret may be in a file", []string{"ACQUIS_LISTEN_FILE=x"}, "ACQUIS_LISTEN_FILE: there is no such variable"},
		{"a port that is no Service's is unknown", []string{"ACQUIS_PORT=8080"}, "ACQUIS_PORT: there is no such variable"},
		{"a secret comes from one place", []string{"ACQUIS_ROOT_KEY=me", "ACQUIS_ROOT_SECRET=a", "ACQUIS_ROOT_SECRET_FILE=b"}, "ACQUIS_ROOT_SECRET_FILE: root.secret: ACQUIS_ROOT_SECRET is set too: keep one of them"},
		{"a secret file is there", []string{"ACQUIS_ROOT_KEY=me", "ACQUIS_ROOT_SECRET_FILE=/nowhere/secret"}, "ACQUIS_ROOT_SECRET_FILE: root.secret: the file cannot be read: open /nowhere/secret: no such file or directory"},
		{"a secret file is not empty", []string{"ACQUIS_ROOT_KEY=me", "ACQUIS_ROOT_SECRET_FILE=" + empty}, "ACQUIS_ROOT_SECRET_FILE: root.secret: the file " + empty + " is empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{test.want}, faultsOf(t, "", test.environ...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFaultyValues(t *testing.T) {
	for _, setting := range []string{
		"LISTEN=", "LISTEN=8080", "LISTEN=localhost", "LISTEN=a:b:1", "LISTEN=:http", "LISTEN=:65536", "LISTEN=:-1",
		"DATA=", "BASE_PATH=acquis", "BASE_PATH=/", "BASE_PATH=/acquis/", "BASE_PATH=/a//b", "BASE_PATH=/a/../b",
		"BASE_PATH=/a b", "BASE_PATH=/a?b", "BASE_PATH=/a%20b", "BASE_PATH=//host",
		"XAPI_VERSIONS=", "XAPI_VERSIONS=1.0.2", "XAPI_VERSIONS=1.0.3,1.0.3", "XAPI_VERSIONS=1.0.3,",
		"LIMITS_BODY=", "LIMITS_BODY=16MB", "LIMITS_BODY=0", "LIMITS_BODY=2GiB", "LIMITS_BATCH=0", "LIMITS_BATCH=1.5",
		"LIMITS_BATCH=100001", "LIMITS_DEPTH=15", "HTTP_DRAIN=30", "HTTP_DRAIN=-1s", "HTTP_DRAIN=2h", "HTTP_IDLE_TIMEOUT=0s",
		"VALIDATION_SCHEMA=never", "VALIDATION_SCHEMA=Always", "LOG_LEVEL=", "LOG_LEVEL=trace", "LOG_FORMAT=xml",
		"CORS_ORIGINS=learn.example.org", "CORS_ORIGINS=https://learn.example.org/", "CORS_ORIGINS=https://Learn.example.org",
		"CORS_ORIGINS=https://u:p@learn.example.org", "CORS_ORIGINS=ftp://learn.example.org", "CORS_ORIGINS=*.example.org",
		"CORS_MAX_AGE=48h", "OPS_LISTEN=9090", "STORE_ORPHAN_AGE=1s", "STORE_LEASE=10ms", "STORE_LEASE=1h", "STORE_CLOCK_SKEW=0s", "STORE_CLOCK_SKEW=10m", "STORE_CACHE=1MiB",
		"LISTEN_INSECURE=yes", "LISTEN_INSECURE=True", "LISTEN_INSECURE=", "TLS_MIN_VERSION=1.1", "TLS_HSTS=-1s",
		"PROXY_TRUSTED=proxy", "PROXY_TRUSTED=192.0.2.1/24", "PROXY_TRUSTED=192.0.2.0/33", "PROXY_TRUSTED=192.0.2.0/24,192.0.2.0/24",
		"PUBLIC_URL=acquis.example.org", "PUBLIC_URL=https://acquis.example.org/", "PUBLIC_URL=ftp://acquis.example.org", "PUBLIC_URL=https://u:p@acquis.example.org",
		"OIDC_ISSUER=http://login.example.org", "OIDC_ISSUER=login.example.org", "OIDC_ISSUER=https://login.example.org/?a=b",
		"RATE_ADDRESS=-1", "RATE_ADDRESS_BURST=0", "RATE_TRACKED=1", "LOCKOUT_FAILURES=0", "ACCESS_REFRESH=1ms", "OAUTH_TOKEN_LIFETIME=48h",
	} {
		t.Run(setting+" is refused by its variable and its key", func(t *testing.T) {
			variable, _, _ := strings.Cut("ACQUIS_"+setting, "=")
			got := faultsOf(t, "", "ACQUIS_"+setting)
			if len(got) != 1 || !strings.HasPrefix(got[0], variable+": ") || strings.Count(got[0], ": ") < 2 {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestRules(t *testing.T) {
	tests := []struct{ name, file, variable, want string }{
		{"a key needs a secret", "root: {key: me}\n", "", "acquis.yaml:1: root.key: root.key and root.secret go together: set both or neither"},
		{"a secret needs a key", "", "ACQUIS_ROOT_SECRET=x", "ACQUIS_ROOT_SECRET: root.key: root.key and root.secret go together: set both or neither"},
		{"a statement fits into a body", "limits:\n  body: 1MiB\n  statement: 2MiB\n", "", "acquis.yaml:3: limits.statement: 2MiB is above limits.body, 1MiB (limits.body is set by acquis.yaml:2)"},
		{"a statement fits into a document of MongoDB", "limits: {statement: 13MiB}\nstore: {uri: mongodb://h}\n", "", "acquis.yaml:1: limits.statement: 13MiB is above 12MiB, the most that is kept on MongoDB (store.uri is set by acquis.yaml:2)"},
		{"a state document fits, too", "limits: {document: 20MiB}\n", "ACQUIS_STORE_URI=mongodb://u:p@h", "acquis.yaml:1: limits.document: 20MiB is above 12MiB, the most that is kept on MongoDB (store.uri is set by ACQUIS_STORE_URI)"},
		{"an attachment fits into a request", "", "ACQUIS_LIMITS_ATTACHMENT=1GiB", "ACQUIS_LIMITS_ATTACHMENT: limits.attachment: 1GiB is above limits.request, 512MiB"},
		{"the default page is a possible page", "limits: {page: 50}\n", "", "acquis.yaml:1: limits.page_default: 100 is above limits.page, 50"},
		{"the places of both keys are named", "limits: {page: 50}\n", "ACQUIS_LIMITS_PAGE_DEFAULT=60", "ACQUIS_LIMITS_PAGE_DEFAULT: limits.page_default: 60 is above limits.page, 50 (limits.page is set by acquis.yaml:1)"},
		{"a certificate needs its key", "tls: {cert: a}\n", "", "acquis.yaml:1: tls.cert: tls.cert and tls.key go together: set both or neither"},
		{"the first wait is not above the longest", "lockout: {first: 1h}\n", "", "acquis.yaml:1: lockout.first: 1h0m0s is above lockout.longest, 15m0s"},
		{"tokens of an issuer are for somebody", "", "ACQUIS_OIDC_ISSUER=https://login.example.org", "ACQUIS_OIDC_ISSUER: oidc.audience: oidc.issuer and oidc.audience go together: a token for another audience must not be taken here"},
		{"every origin makes the others pointless", "cors: {origins: ['*', 'http://a']}\n", "", "acquis.yaml:1: cors.origins: * already means every origin: write it alone, or leave it out"},
		{"the second address is another", "ops: {listen: '127.0.0.1:8080'}\n", "", "acquis.yaml:1: ops.listen: is the same address as listen: choose another, or leave it empty to answer on listen"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{test.want}, faultsOf(t, test.file, test.variable)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestExposed(t *testing.T) {
	const refused = "can be reached from other machines, and nothing encrypts the credentials"
	for name, test := range map[string]struct {
		environ []string
		refused bool
	}{
		"the default is this machine's alone":           {nil, false},
		"so is any of its loopback addresses":           {[]string{"ACQUIS_LISTEN=127.0.0.2:80"}, false},
		"and that of IPv6":                              {[]string{"ACQUIS_LISTEN=[::1]:80"}, false},
		"and its name":                                  {[]string{"ACQUIS_LISTEN=localhost:80"}, false},
		"every interface needs more":                    {[]string{"ACQUIS_LISTEN=:80"}, true},
		"in IPv4":                                       {[]string{"ACQUIS_LISTEN=0.0.0.0:80"}, true},
		"in IPv6":                                       {[]string{"ACQUIS_LISTEN=[::]:80"}, true},
		"a private address is reached by others":        {[]string{"ACQUIS_LISTEN=192.168.1.1:80"}, true},
		"a name may be anything":                        {[]string{"ACQUIS_LISTEN=lrs.example.org:80"}, true},
		"false is what it is without":                   {[]string{"ACQUIS_LISTEN=:80", "ACQUIS_LISTEN_INSECURE=false"}, true},
		"a certificate is enough":                       {[]string{"ACQUIS_LISTEN=:80", "ACQUIS_TLS_CERT=c", "ACQUIS_TLS_KEY=k"}, false},
		"a trusted proxy is enough":                     {[]string{"ACQUIS_LISTEN=:80", "ACQUIS_PROXY_TRUSTED=192.0.2.1"}, false},
		"to say so is enough":                           {[]string{"ACQUIS_LISTEN=:80", "ACQUIS_LISTEN_INSECURE=true"}, false},
		"the second address, which takes no credential": {[]string{"ACQUIS_OPS_LISTEN=:9090"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load("", test.environ)
			if got := err != nil && strings.Contains(err.Error(), refused); got != test.refused || (err != nil) != test.refused {
				t.Errorf("refused is %v: %v", got, err)
			}
		})
	}
}

func TestAllFaultsAreListedAtOnce(t *testing.T) {
	got := faultsOf(t, "limits:\n  page: none\n  page_default: 5000\n  header: 1\nlisten: ':1'\nlissen: x\nlisten: ':2'\n",
		"ACQUIS_LOG_LEVEL=loud", "ACQUIS_DTA=x", "ACQUIS_ROOT_KEY=a:b")
	want := []string{
		`acquis.yaml:2: limits.page: "none" is not a whole number`,
		"acquis.yaml:4: limits.header: 1 is below the least allowed, 4KiB",
		"acquis.yaml:6: lissen: there is no such key; did you mean listen?",
		"acquis.yaml:7: listen: stands in the file twice, first in line 5",
		"ACQUIS_DTA: there is no such variable; did you mean ACQUIS_DATA?",
		`ACQUIS_LOG_LEVEL: log.level: "loud" is not one of debug, info, warn, error`,
		"ACQUIS_ROOT_KEY: root.key: holds a colon, which HTTP Basic uses as its separator",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnreadableFileDoesNotHideFaultyVariables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := Load(path, []string{"ACQUIS_LOG_LEVEL=loud"})
	want := "the configuration has 2 faults:\n" +
		"  " + path + ": cannot be read: open " + path + ": no such file or directory\n" +
		`  ACQUIS_LOG_LEVEL: log.level: "loud" is not one of debug, info, warn, error`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestValidateAfterAChange(t *testing.T) {
	c := Default()
	c.Listen, c.Limits.Page = "nowhere", 1
	want := "the configuration has 2 faults:\n" +
		"  listen: \"nowhere\" is not an address: write host:port, such as 127.0.0.1:8080 or [::1]:8080\n" +
		"  limits.page_default: 100 is above limits.page, 1"
	if err := c.Validate(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
