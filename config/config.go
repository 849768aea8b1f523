// Package config turns the configuration file and the environment into one typed tree.
//
// Every key is declared once, in keys.go: its name, the field it fills, default, example, meaning and
// bounds. That declaration reads the file and the variables, judges the values, gives the defaults and
// writes docs/configuration.md and deploy/acquis.example.yaml, so none of them can contradict another.
//
// A key comes from, in rising order, its default, the file, its variable. Nothing is guessed: an unknown
// key or ACQUIS_ variable is refused, and all faults are reported together, each with its place.
//
// Only cmd imports this package; others receive plain values.
package config

import (
	"log/slog"
	"strings"
	"time"
)

// Config is a configuration whose every value is present, by default when by nothing else.
type Config struct {
	Listen         string
	ListenInsecure bool
	PublicURL      string
	Data           string
	BasePath       string
	Root           Root
	XAPI           XAPI
	Limits         Limits
	HTTP           HTTP
	TLS            TLS
	Proxy          Proxy
	Rate           Rate
	Lockout        Lockout
	Access         Access
	OAuth          OAuth
	OIDC           OIDC
	Validation     Validation
	Connect        Connect
	Hub            Hub
	Store          Store
	CORS           CORS
	Ops            Ops
	Log            Log
}

// Root is the credential that exists before any other; both parts are set, or neither.
type Root struct {
	Key    string
	Secret Secret
}

// XAPI says which versions of the specification are spoken; Versions is never empty.
type XAPI struct {
	Versions []string
}

// Limits bounds what one request may send, and what it may cost.
type Limits struct {
	Body        Bytes
	Batch       int
	Statement   Bytes
	Depth       int
	Attachment  Bytes
	Request     Bytes
	Document    Bytes
	Page        int
	PageDefault int
	QuerySteps  int
	Header      Bytes
}

// HTTP bounds the time a connection may take.
type HTTP struct {
	HeaderTimeout    time.Duration
	ReadIdleTimeout  time.Duration
	WriteIdleTimeout time.Duration
	IdleTimeout      time.Duration
	DrainDelay       time.Duration
	Drain            time.Duration
}

// TLS says with which certificate connections are encrypted; without one, they are not.
type TLS struct {
	Cert       string
	Key        string
	MinVersion string
	HSTS       time.Duration
}

// Proxy says whose word is taken for where a request comes from.
type Proxy struct {
	Trusted []string
}

// Rate bounds how often one address and one credential may ask; 0 is no bound.
type Rate struct {
	Address         int
	AddressBurst    int
	Credential      int
	CredentialBurst int
	Daily           int
	Tracked         int
}

// Lockout makes guessing secrets slow.
type Lockout struct {
	Failures int
	First    time.Duration
	Longest  time.Duration
}

// Access says how soon a change of sources and credentials is known to every process.
type Access struct {
	Refresh time.Duration
}

// OAuth bounds the life of the tokens that are handed out here.
type OAuth struct {
	TokenLifetime  time.Duration
	LaunchLifetime time.Duration
}

// OIDC names somebody else whose tokens are taken; no issuer means nobody.
type OIDC struct {
	Issuer      string
	Audience    string
	ScopeClaim  string
	ScopePrefix string
	ClientClaim string
}

// Hub says how people, the catalogue and figures are kept.
type Hub struct {
	TimeZone       string
	FiguresAge     time.Duration
	UnmatchedDays  int
	ImportEndShare int
}

// Connect says where the process may go by itself, how, and where the secrets for it are; Rate is a minute's
// requests, 0 is no bound.
type Connect struct {
	Enabled    bool
	Secrets    string
	Files      string
	Hosts      []string
	Private    []string
	Proxy      Secret
	Rate       int
	Attempts   int
	Timeout    time.Duration
	Total      time.Duration
	Answer     Bytes
	BreakAfter int
	Jitter     time.Duration
	Lease      time.Duration
}

// Validation says how far statements are judged beyond what the specification demands of every LRS.
type Validation struct {
	Schema         string
	SignatureRoots string
}

// Store says where everything is kept. An empty URI means the embedded store, which Cache and Memtable size;
// Lease and ClockSkew are for a MongoDB.
type Store struct {
	URI       Secret
	Lease     time.Duration
	ClockSkew time.Duration
	Cache     Bytes
	Memtable  Bytes
	OrphanAge time.Duration
}

// CORS says which pages may call the LRS from a browser; no origin means none may.
type CORS struct {
	Origins []string
	MaxAge  time.Duration
}

// Ops separates what operators read from what partners call; an empty address means it is not separated.
type Ops struct {
	Listen string
}

// Log shapes the log.
type Log struct {
	Level  string
	Format string
}

// Default is the configuration of an empty file and an empty environment.
func Default() Config {
	var c Config
	for _, k := range keys(&c) {
		if err := k.set(k.Default); err != nil {
			panic("config: default of " + k.Name + ": " + err.Error())
		}
	}
	return c
}

// String lists every key with its value; secrets are hidden.
func (c Config) String() string {
	var b strings.Builder
	for i, k := range keys(&c) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(k.Name + "=" + k.text())
	}
	return b.String()
}

// LogValue is a group with one attribute for each key; secrets are hidden.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, k := range keys(&c) {
		attrs = append(attrs, slog.String(k.Name, k.text()))
	}
	return slog.GroupValue(attrs...)
}
