package xapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
)

// signer signs statements with a key of its own and a certificate for it.
type signer struct {
	key         *rsa.PrivateKey
	certificate []byte
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "platform"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, certificate}
}

// sign makes the JWS of a payload, with the certificate in its header when x5c is wanted.
func (s signer) sign(t *testing.T, algorithm jose.SignatureAlgorithm, payload string, x5c bool) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if x5c {
		options.WithHeader("x5c", []string{base64.StdEncoding.EncodeToString(s.certificate)})
	}
	var key any = s.key
	if algorithm == jose.HS256 {
		key = []byte(strings.Repeat("k", 32))
	}
	maker, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := maker.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

// signedForm is the request that brings a statement with its signature.
func signedForm(id uuid.UUID, jws, contentType string) string {
	sum := sha256Of(jws)
	signature := `{"usageType":"http://adlnet.gov/expapi/attachments/signature","display":{"en":"Signature"},
		"contentType":"` + contentType + `","length":1,"sha2":"` + sum + `"}`
	return form(attached(id, signature), strings.Replace(part(sum, jws), "text/plain", contentType, 1))
}

func TestSignedStatements(t *testing.T) {
	s := start(t)
	platform := newSigner(t)
	const binary = "application/octet-stream"
	stored := 0
	check := func(rule string, status int, request func(t *testing.T, id uuid.UUID) string) {
		t.Run(rule, func(t *testing.T) {
			a := s.postForm(t, request(t, uuid.New())).want(t, status, "")
			if status == 200 {
				stored++
			} else if got := a.violations(t); len(got) != 1 || got[0] != "/attachments/0 signature" {
				t.Errorf("violations %q in %s", got, a.body)
			}
			s.stays(t, stored)
		})
	}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512} {
		check("XAPI-00117 "+string(algorithm)+" is taken", 200, func(t *testing.T, id uuid.UUID) string {
			return signedForm(id, platform.sign(t, algorithm, statement(id), true), binary)
		})
		check("XAPI-00117 "+string(algorithm)+" is taken without a certificate", 200, func(t *testing.T, id uuid.UUID) string {
			return signedForm(id, platform.sign(t, algorithm, statement(id), false), binary)
		})
		check(string(algorithm)+" with a changed byte of the signature is refused", 400, func(t *testing.T, id uuid.UUID) string {
			jws := []byte(platform.sign(t, algorithm, statement(id), true))
			at := len(jws) - 100
			jws[at] = map[bool]byte{true: 'B', false: 'A'}[jws[at] == 'A']
			return signedForm(id, string(jws), binary)
		})
	}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.PS256, jose.HS256} {
		check("XAPI-00117 "+string(algorithm)+" is refused", 400, func(t *testing.T, id uuid.UUID) string {
			return signedForm(id, platform.sign(t, algorithm, statement(id), false), binary)
		})
	}
	check("a certificate of another key is refused", 400, func(t *testing.T, id uuid.UUID) string {
		stranger := signer{newSigner(t).key, platform.certificate}
		return signedForm(id, stranger.sign(t, jose.RS256, statement(id), true), binary)
	})
	check("XAPI-00116 the payload may be written in another way", 200, func(t *testing.T, id uuid.UUID) string {
		payload := ` { "object" : {"objectType":"Activity","id":"https://pages.example/1"}, "id":"` + strings.ToUpper(id.String()) + `",
			"verb":{"id":"https://verbs.example/read","display":{"en":"read"}}, "actor":{"objectType":"Agent","mbox":"mailto:ann@example.org"} }`
		return signedForm(id, platform.sign(t, jose.RS256, payload, true), binary)
	})
	check("XAPI-00116 another statement as the payload is refused", 400, func(t *testing.T, id uuid.UUID) string {
		return signedForm(id, platform.sign(t, jose.RS256, statement(id, `"result":{"success":true}`), true), binary)
	})
	check("XAPI-00116 a payload that is no statement is refused", 400, func(t *testing.T, id uuid.UUID) string {
		return signedForm(id, platform.sign(t, jose.RS256, `{"id":"`+id.String()+`"}`, true), binary)
	})
	check("XAPI-00115 what is no JWS is refused", 400, func(t *testing.T, id uuid.UUID) string {
		return signedForm(id, "signed: ann", binary)
	})
	check("another content type is refused", 400, func(t *testing.T, id uuid.UUID) string {
		return signedForm(id, platform.sign(t, jose.RS256, statement(id), true), "text/plain")
	})
	t.Run("a signature that is only pointed to is refused", func(t *testing.T) {
		s.post(t, attached(uuid.New(), `{"usageType":"http://adlnet.gov/expapi/attachments/signature","display":{"en":"Signature"},
			"contentType":"application/octet-stream","length":1,"sha2":"`+sha256Of("away")+`","fileUrl":"https://files.example/1"}`)).want(t, 400, "/attachments/0")
		s.stays(t, stored)
	})
}
