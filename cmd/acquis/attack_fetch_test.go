package main

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// trap is a server that counts who comes.
type trap struct {
	url  string
	came atomic.Int64
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	trap := &trap{url: "http://" + listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			trap.came.Add(1)
			conn.Close()
		}
	}()
	return trap
}

// jws makes a JWS in compact form of a header and a payload with a signature over both.
func jws(t *testing.T, header map[string]any, payload string, sign func(input []byte) []byte) string {
	t.Helper()
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(head) + "." + encode([]byte(payload))
	return input + "." + encode(sign([]byte(input)))
}

func newRSAKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// byRSA signs as RS256 does.
func byRSA(t *testing.T, key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

// byHMAC signs as HS256 does.
func byHMAC(secret []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

// signedForm is a multipart body with a statement and its signature.
func signedForm(statement, signature string) string {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(signature)))
	statement = strings.TrimSuffix(statement, "}") + fmt.Sprintf(
		`,"attachments":[{"usageType":"http://adlnet.gov/expapi/attachments/signature","display":{"en":"Signature"},"contentType":"application/octet-stream","length":%d,"sha2":%q}]}`,
		len(signature), sum,
	)
	return "--b\r\nContent-Type: application/json\r\n\r\n" + statement + "\r\n--b\r\nContent-Type: application/octet-stream\r\n" +
		"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " + sum + "\r\n\r\n" + signature + "\r\n--b--"
}

// TestAttack_signatures tries to have statements taken for signed that nobody signed.
func TestAttack_signatures(t *testing.T) {
	p := besieged(t, t.TempDir())
	key, stranger := newRSAKey(t), newRSAKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	chain := []string{base64.StdEncoding.EncodeToString(certificate)}
	nobody := func([]byte) []byte { return nil }
	asPEM := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	for _, c := range []struct {
		rule   string
		header map[string]any
		sign   func([]byte) []byte
		status int
	}{
		{"RS256 by the certificate's key is taken", map[string]any{"alg": "RS256", "x5c": chain}, byRSA(t, key), 200},
		{"RS256 by another key is refused", map[string]any{"alg": "RS256", "x5c": chain}, byRSA(t, stranger), 400},
		{"RS512 over a signature of RS256 is refused", map[string]any{"alg": "RS512", "x5c": chain}, byRSA(t, key), 400},
		{"none without a signature is refused", map[string]any{"alg": "none", "x5c": chain}, nobody, 400},
		{"none with a signature is refused", map[string]any{"alg": "none", "x5c": chain}, byRSA(t, key), 400},
		{"None is refused", map[string]any{"alg": "None"}, nobody, 400},
		{"no algorithm is refused", map[string]any{"x5c": chain}, byRSA(t, key), 400},
		{"HS256 with the public key in PEM is refused", map[string]any{"alg": "HS256", "x5c": chain}, byHMAC(asPEM("PUBLIC KEY", public)), 400},
		{"HS256 with the public key in DER is refused", map[string]any{"alg": "HS256", "x5c": chain}, byHMAC(public), 400},
		{"HS256 with the certificate is refused", map[string]any{"alg": "HS256", "x5c": chain}, byHMAC(asPEM("CERTIFICATE", certificate)), 400},
		{"a critical header that is not understood is refused", map[string]any{"alg": "RS256", "x5c": chain, "crit": []string{"exp"}, "exp": 0}, byRSA(t, key), 400},
	} {
		t.Run(c.rule, func(t *testing.T) {
			statement := simple(uuid.NewString())
			a, err := p.send(attackKey, attackSecret, "POST", "/xapi/statements", "multipart/mixed; boundary=b", signedForm(statement, jws(t, c.header, statement, c.sign)))
			if err != nil || a.status != c.status || c.status == 400 && !strings.Contains(a.body, `"rule":"signature"`) {
				t.Errorf("%d %s %v", a.status, a.body, err)
			}
		})
	}
	t.Run("a signature of the same statement under another id is refused", func(t *testing.T) {
		signature := jws(t, map[string]any{"alg": "RS256", "x5c": chain}, simple(uuid.NewString()), byRSA(t, key))
		a, err := p.send(attackKey, attackSecret, "POST", "/xapi/statements", "multipart/mixed; boundary=b", signedForm(simple(uuid.NewString()), signature))
		if err != nil || a.status != 400 {
			t.Errorf("%d %s %v", a.status, a.body, err)
		}
	})
}

// TestAttack_fetch names the address of a trap wherever an address may stand. Nobody must go there.
func TestAttack_fetch(t *testing.T) {
	trap := newTrap(t)
	at := trap.url
	p := besieged(t, t.TempDir())
	statement := `{"id":"` + uuid.NewString() + `","actor":{"openid":"` + at + `/ann"},"verb":{"id":"` + at + `/verb"},
		"object":{"id":"` + at + `/page","definition":{"type":"` + at + `/type","moreInfo":"` + at + `/more","extensions":{"` + at + `/e":"` + at + `"}}},
		"context":{"contextActivities":{"category":[{"id":"` + at + `/profile"}]}},
		"attachments":[{"usageType":"` + at + `/usage","display":{"en":"a"},"contentType":"text/plain","length":1,"sha2":"` + fmt.Sprintf("%x", sha256.Sum256(nil)) + `","fileUrl":"` + at + `/file"}]}`
	p.must(t, attackKey, attackSecret, "POST", "/xapi/statements", statement, 200)
	p.must(t, attackKey, attackSecret, "POST", "/partners/validate", statement, 200)
	for _, path := range []string{
		"/xapi/statements?attachments=true", "/xapi/statements?format=canonical", "/xapi/activities?activityId=" + at + "/page",
		"/xapi/agents?agent=%7B%22openid%22:%22" + at + "/ann%22%7D",
	} {
		p.must(t, attackKey, attackSecret, "GET", path, "", 200)
	}
	t.Run("a header of a signature that says where its keys are is not followed", func(t *testing.T) {
		key, signed := newRSAKey(t), simple(uuid.NewString())
		header := map[string]any{"alg": "RS256", "jku": at + "/keys", "x5u": at + "/certificate", "kid": at + "/key"}
		a, err := p.send(attackKey, attackSecret, "POST", "/xapi/statements", "multipart/mixed; boundary=b", signedForm(signed, jws(t, header, signed, byRSA(t, key))))
		if err != nil || a.status != 200 {
			t.Errorf("%d %s %v", a.status, a.body, err)
		}
	})
	t.Run("a token that says who issued it is refused unasked", func(t *testing.T) {
		claims := fmt.Sprintf(`{"iss":%q,"aud":"acquis","azp":"boss","scope":"all","exp":%d}`, at, time.Now().Add(time.Hour).Unix())
		token := jws(t, map[string]any{"alg": "RS256", "jku": at + "/keys", "x5u": at + "/certificate"}, claims, byRSA(t, newRSAKey(t)))
		r, err := http.NewRequest("GET", p.url+"/xapi/statements", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-Experience-API-Version", "1.0.3")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 401 {
			t.Error(response.Status)
		}
	})
	for rule, schema := range map[string]string{
		"a $ref to elsewhere":                 `{"$ref":"` + at + `/s"}`,
		"a $ref to a file":                    `{"$ref":"file:///etc/passwd"}`,
		"a $ref beside an $id":                `{"$id":"` + at + `/s","properties":{"actor":{"$ref":"other"}}}`,
		"a $schema that is somewhere":         `{"$schema":"` + at + `/draft"}`,
		"a $ref in a part that nothing names": `{"definitions":{"a":{"$ref":"` + at + `/s#/definitions/b"}}}`,
		"a $ref with an encoded address":      `{"$ref":"http:%2f%2f` + strings.TrimPrefix(at, "http://") + `"}`,
		"a pattern that never ends":           `{"properties":{"id":{"pattern":"^(a+)+$"}}}`,
		"a pattern of nested repetitions":     `{"properties":{"id":{"pattern":"((a{1,99}){1,99}){1,99}"}}}`,
	} {
		t.Run(rule+" is refused", func(t *testing.T) {
			contract := strings.Replace(schema, "{", `{"x-contract":{"name":"a","version":"1"},`, 1)
			p.must(t, attackKey, attackSecret, "POST", "/api/schemas", `{"name":"a","version":"1","schema":`+contract+`}`, 400)
		})
	}
	p.stop(t)
	p.ends(t, 0)
	if n := trap.came.Load(); n != 0 {
		t.Errorf("somebody came %d times", n)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(at, "http://")); err != nil { // it would have been noticed
		t.Error(err)
	} else {
		_, _ = conn.Read(make([]byte, 1)) // until it was counted
		conn.Close()
	}
	if n := trap.came.Load(); n != 1 {
		t.Errorf("the trap counts %d visitors of one", n)
	}
}

// TestAttack_pages asks as the page of another site would.
func TestAttack_pages(t *testing.T) {
	ask := func(t *testing.T, p *serving, method, path, origin string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(attackKey, attackSecret)
		r.Header.Set("Origin", origin)
		r.Header.Set("X-Experience-API-Version", "1.0.3")
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "GET")
			r.Header.Set("Access-Control-Request-Headers", "authorization,x-experience-api-version")
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	anywhere := besieged(t, t.TempDir())
	for _, path := range []string{"/api/sources", "/api/audit", "/api/launch-tokens", "/oauth2/token", "/partners/validate", "/partners/x/xapi/statements", "/metrics"} {
		for _, method := range []string{"OPTIONS", "GET", "POST"} {
			t.Run(method+" "+path+" is for no page, though all origins are allowed", func(t *testing.T) {
				if got := ask(t, anywhere, method, path, "https://evil.example"); got.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s %v", got.Status, got.Header)
				}
			})
		}
	}
	t.Run("a page gets no cookie and no leave to send one", func(t *testing.T) {
		for _, method := range []string{"OPTIONS", "GET"} {
			got := ask(t, anywhere, method, "/xapi/statements", "https://evil.example")
			if got.Header.Get("Access-Control-Allow-Credentials") != "" || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%v", got.Header)
			}
		}
	})
	chosen := besieged(t, t.TempDir(), "ACQUIS_CORS_ORIGINS=https://content.example,https://*.campus.example")
	for origin, allowed := range map[string]bool{
		"https://content.example": true, "https://a.campus.example": true,
		"http://content.example": false, "https://content.example:8443": false, "https://content.example.evil.example": false,
		"https://evilcontent.example": false, "https://campus.example": false, "https://evilcampus.example": false,
		"https://campus.example.evil.example": false, "null": false, "https://content.example/": false, "file://": false, "*": false,
	} {
		t.Run(fmt.Sprintf("from %s a page is let in: %v", origin, allowed), func(t *testing.T) {
			for _, method := range []string{"OPTIONS", "GET"} {
				if got := ask(t, chosen, method, "/xapi/statements", origin); (got.Header.Get("Access-Control-Allow-Origin") != "") != allowed {
					t.Errorf("%s: %s %v", method, got.Status, got.Header)
				}
			}
		})
	}
}
