package lrs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const signedJSON = `{"actor":{"mbox":"mailto:ann@example.com"}}`

// signer is a made-up certification authority and the keys that it certifies, valid in 2020.
type signer struct {
	key, otherKey  *rsa.PrivateKey
	root           *x509.Certificate
	leaf, stranger []byte // DER; the stranger is signed by another root of the same name
	curve          []byte // DER of a certificate without RSA key
	roots          *x509.CertPool
}

var in2020 = time.Date(2020, time.June, 1, 0, 0, 0, 0, time.UTC)

var testSigner = sync.OnceValue(func() *signer {
	s := &signer{key: must(rsa.GenerateKey(rand.Reader, 2048)), otherKey: must(rsa.GenerateKey(rand.Reader, 2048)), roots: x509.NewCertPool()}
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rootTemplate := certificateTemplate("root", true)
	s.root = must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, rootTemplate, rootTemplate, s.otherKey.Public(), s.otherKey))))
	s.roots.AddCert(s.root)
	s.leaf = must(x509.CreateCertificate(rand.Reader, certificateTemplate("leaf", false), s.root, s.key.Public(), s.otherKey))
	s.stranger = must(x509.CreateCertificate(rand.Reader, certificateTemplate("leaf", false), rootTemplate, s.key.Public(), s.key))
	s.curve = must(x509.CreateCertificate(rand.Reader, certificateTemplate("leaf", false), s.root, curve.Public(), s.otherKey))
	return s
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func certificateTemplate(name string, authority bool) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: in2020.AddDate(0, -5, 0), NotAfter: in2020.AddDate(0, 5, 0),
		IsCA: authority, BasicConstraintsValid: true,
	}
}

// sign makes a JWS of payload, with the certificates in x5c when there are any.
func (s *signer) sign(algorithm jose.SignatureAlgorithm, payload string, certificates ...[]byte) []byte {
	options := &jose.SignerOptions{}
	if certificates != nil {
		var x5c []string
		for _, der := range certificates {
			x5c = append(x5c, base64.StdEncoding.EncodeToString(der))
		}
		options.WithHeader("x5c", x5c)
	}
	var key any = s.key
	if algorithm == jose.HS256 {
		key = []byte("a secret that is long enough for HS256")
	}
	maker := must(jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options))
	return []byte(must(must(maker.Sign([]byte(payload))).CompactSerialize()))
}

// withHeader makes a JWS of any header, which its signature does not match.
func withHeader(header string) []byte {
	encode := base64.RawURLEncoding.EncodeToString
	return []byte(encode([]byte(header)) + "." + encode([]byte(signedJSON)) + "." + encode([]byte("signature")))
}

func anyPayload([]byte) error { return nil }

func TestSignature(t *testing.T) {
	s := testSigner()
	t.Run("XAPI-00117 RS256, RS384 and RS512 are accepted, and the payload is handed over", func(t *testing.T) {
		for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512} {
			for _, chain := range [][][]byte{nil, {s.leaf}, {s.leaf, s.root.Raw}, {s.stranger}} {
				var got string
				err := VerifySignature(s.sign(algorithm, signedJSON, chain...), func(b []byte) error { got = string(b); return nil }, nil, in2020)
				if err != nil || got != signedJSON {
					t.Errorf("%s with %d certificates: payload %q, %v", algorithm, len(chain), got, err)
				}
			}
		}
	})
	t.Run("with roots the chain must lead to one of them at the time", func(t *testing.T) {
		for name, c := range map[string]struct {
			jws  []byte
			at   time.Time
			want string
		}{
			"a chain to the root":         {s.sign(jose.RS256, signedJSON, s.leaf, s.root.Raw), in2020, ""},
			"the root left out":           {s.sign(jose.RS256, signedJSON, s.leaf), in2020, ""},
			"an expired certificate":      {s.sign(jose.RS256, signedJSON, s.leaf), in2020.AddDate(1, 0, 0), "cannot be trusted"},
			"a certificate of a stranger": {s.sign(jose.RS256, signedJSON, s.stranger), in2020, "cannot be trusted"},
			"no certificate":              {s.sign(jose.RS256, signedJSON), in2020, "no x5c"},
		} {
			err := VerifySignature(c.jws, anyPayload, s.roots, c.at)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	})
	t.Run("the error of the payload's judge is returned", func(t *testing.T) {
		judgement := errors.New("another statement")
		err := VerifySignature(s.sign(jose.RS256, signedJSON), func([]byte) error { return judgement }, nil, in2020)
		if !errors.Is(err, judgement) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("every changed, missing or additional byte is refused", func(t *testing.T) {
		jws := s.sign(jose.RS256, signedJSON, s.leaf)
		header := bytes.IndexByte(jws, '.')
		for i := range jws {
			// Without trust, a header that no longer calls its certificates x5c has none.
			var roots *x509.CertPool
			if i < header {
				roots = s.roots
			}
			changed := slices.Clone(jws)
			changed[i] ^= 1
			refused(t, changed, roots)
			if i%8 == 0 {
				refused(t, slices.Delete(slices.Clone(jws), i, i+1), roots)
			}
		}
		refused(t, append(slices.Clone(jws), '\n'), nil)
		refused(t, append(slices.Clone(jws), 'A'), nil)
		refused(t, append([]byte("\n"), jws...), nil)
	})
}

func refused(t *testing.T, jws []byte, roots *x509.CertPool) {
	t.Helper()
	if err := VerifySignature(jws, anyPayload, roots, in2020); err == nil {
		t.Errorf("%.40s... is accepted", jws)
	}
}

func TestMalformedSignature(t *testing.T) {
	s := testSigner()
	certificates := make([][]byte, maxSignatureCertificates+1)
	for i := range certificates {
		certificates[i] = s.leaf
	}
	for name, c := range map[string]struct {
		jws  []byte
		want string
	}{
		"nothing":                                 {nil, "compact"},
		"one part":                                {[]byte("abcd"), "compact"},
		"two parts":                               {[]byte("abcd.abcd"), "compact"},
		"four parts":                              {[]byte("abcd.abcd.abcd.abcd"), "compact"},
		"an empty signature":                      {append(withHeader(`{"alg":"RS256"}`)[:bytes.LastIndexByte(withHeader(`{"alg":"RS256"}`), '.')], '.'), "compact"},
		"JSON serialization":                      {[]byte(`{"payload":"e30","protected":"e30","signature":"e30"}`), "compact"},
		"a line break":                            {append(s.sign(jose.RS256, signedJSON), '\n'), "compact"},
		"a header that is no JSON":                {withHeader(`{'alg':"RS256"}`), "header"},
		"a header with a key twice":               {withHeader(`{"alg":"RS256","alg":"RS512"}`), "header"},
		"a header that is no object":              {withHeader(`"RS256"`), "header"},
		"x5c that is no array":                    {withHeader(`{"alg":"RS256","x5c":"x"}`), "header"},
		"XAPI-00117 HS256":                        {s.sign(jose.HS256, signedJSON), "HS256"},
		"XAPI-00117 PS256":                        {s.sign(jose.PS256, signedJSON), "PS256"},
		"XAPI-00117 none":                         {withHeader(`{"alg":"none"}`), "none"},
		"XAPI-00117 no algorithm":                 {withHeader(`{}`), "RS256"},
		"crit":                                    {withHeader(`{"alg":"RS256","crit":["b64"],"b64":false}`), "crit"},
		"XAPI-00116 a payload that is no JSON":    {s.sign(jose.RS256, `{'a":1}`), "JSON"},
		"XAPI-00116 a payload with a key twice":   {s.sign(jose.RS256, `{"a":1,"a":1}`), "JSON"},
		"x5c without certificates":                {withHeader(`{"alg":"RS256","x5c":[]}`), "x5c"},
		"x5c that is no base64":                   {withHeader(`{"alg":"RS256","x5c":["*"]}`), "header"},
		"x5c that is no certificate":              {withHeader(`{"alg":"RS256","x5c":["AAAA"]}`), "header"},
		"too many certificates":                   {s.sign(jose.RS256, signedJSON, certificates...), "1 to 10"},
		"a certificate without RSA key":           {s.sign(jose.RS256, signedJSON, s.curve), "no RSA key"},
		"a certificate of another key":            {s.sign(jose.RS256, signedJSON, s.root.Raw), "does not match"},
		"certificates in the wrong order":         {s.sign(jose.RS256, signedJSON, s.leaf, s.leaf), "certificate 1 of x5c is not signed by certificate 2"},
		"a certificate that its issuer denies":    {s.sign(jose.RS256, signedJSON, s.stranger, s.root.Raw), "is not signed by"},
		"a private key in the header, not public": {withHeader(`{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}}`), "header"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			err := VerifySignature(c.jws, anyPayload, nil, in2020)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the reason is %d characters long", len(err.Error()))
			}
		})
	}
}

func FuzzSignature(f *testing.F) {
	s := testSigner()
	signed := [][]byte{
		s.sign(jose.RS256, signedJSON, s.leaf, s.root.Raw),
		s.sign(jose.RS512, signedJSON, s.leaf),
		s.sign(jose.RS384, `{}`, s.leaf),
	}
	for _, jws := range append(signed, s.sign(jose.RS256, signedJSON), s.sign(jose.HS256, signedJSON), withHeader(`{"alg":"RS256","x5c":[]}`)) {
		f.Add(jws)
	}
	f.Fuzz(func(t *testing.T, jws []byte) {
		err := VerifySignature(jws, anyPayload, nil, in2020)
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("the reason is %d characters long", len(err.Error()))
		}
		// Each worker process has keys of its own, so nothing but its own seeds can be trusted.
		if VerifySignature(jws, anyPayload, s.roots, in2020) == nil &&
			!slices.ContainsFunc(signed, func(seed []byte) bool { return bytes.Equal(seed, jws) }) {
			t.Errorf("%q is trusted", jws)
		}
	})
}

func BenchmarkSignature(b *testing.B) {
	s := testSigner()
	for name, jws := range map[string][]byte{
		"without certificates":  s.sign(jose.RS256, signedJSON),
		"with two certificates": s.sign(jose.RS256, signedJSON, s.leaf, s.root.Raw),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := VerifySignature(jws, anyPayload, nil, in2020); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
