package lrs

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxSignatureCertificates = 10   // in x5c; real chains have two to four
	maxSignatureKeyBits      = 8192 // of an RSA key; larger ones only cost time, as in crypto/tls
)

var (
	errSignatureForm    = errors.New("is not a JWS in compact serialization: three parts in base64url without padding, joined by dots, must follow each other")
	errSignatureHeader  = errors.New("is not a JWS: its header is not a JSON object with unique keys and values of the right kind")
	errSignatureCrit    = errors.New(`is not a signature that can be judged: its header asks for extensions ("crit", "b64")`)
	errSignaturePayload = errors.New("does not have the JSON of a statement as its payload")
	errSignatureBytes   = errors.New("does not match its certificate: the bytes or the key were changed after signing")
	errSignatureKey     = errors.New("cannot be verified: the first certificate of x5c has no RSA key")
	errSignatureKeySize = fmt.Errorf("cannot be verified: a certificate of x5c has a key of more than %d bits", maxSignatureKeyBits)
	errSignatureChain   = fmt.Errorf("cannot be verified: x5c must hold 1 to %d certificates", maxSignatureCertificates)
	errSignatureTrust   = errors.New("cannot be trusted: its header has no x5c with a certificate")
)

// joseHeader is what counts of a JWS header here; go-jose reads the algorithm.
type joseHeader struct {
	X5C      []string       `json:"x5c"`
	Critical jsontext.Value `json:"crit"`
	Base64   jsontext.Value `json:"b64"`
}

// VerifySignature says why jws is not the signature of a signed statement, nil when it is one
// (Data 2.6; 2.0: 4.2.6): a JWS in compact serialization, made with RS256, RS384 or RS512, whose
// payload is JSON for which payload returns nil. The caller compares the statements there; payload
// is called once, after everything else has passed, and its error is returned as it is.
//
// With an x5c header the signature is verified with the RSA key of the first certificate, and each
// further certificate must have signed the one before it (RFC 7515, 4.1.6). Without x5c nothing is
// known of the key, and the signature itself cannot be verified: it is accepted when its form is
// right. So this catches mistakes and, as Data 2.6 notes, is no security measure: who forges a
// statement leaves x5c out or makes a certificate. Keys that the header only points to (jku, x5u) are
// never fetched, and a jwk, which anybody can make, is not used.
//
// With roots it is one: the certificates are demanded and must lead to one of the roots at the time
// at, and no byte can be changed unseen. The work is bounded by the size of jws, which is the caller's to bound.
func VerifySignature(jws []byte, payload func([]byte) error, roots *x509.CertPool, at time.Time) error {
	header, err := readJOSEHeader(jws)
	if err != nil {
		return err
	}
	signed, err := jose.ParseSignedCompact(string(jws), []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512})
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm):
		return fmt.Errorf("is made with the algorithm %q: use RS256, RS384 or RS512", algorithm.Got)
	case err != nil:
		return errSignatureHeader
	}
	if header.X5C != nil {
		if err := verifyWithCertificates(signed, header.X5C, roots, at); err != nil {
			return err
		}
	} else if roots != nil {
		return errSignatureTrust
	}
	content := signed.UnsafePayloadWithoutVerification()
	if !jsontext.Value(content).IsValid() {
		return errSignaturePayload
	}
	return payload(content)
}

// readJOSEHeader splits jws and reads its header. It is stricter than go-jose on the encoding:
// each part must be the only one that decodes to its bytes, or a byte could change unseen.
func readJOSEHeader(jws []byte) (joseHeader, error) {
	var header joseHeader
	parts := bytes.Split(jws, []byte("."))
	if len(parts) != 3 {
		return header, errSignatureForm
	}
	for _, part := range parts {
		if len(part) == 0 || bytes.ContainsAny(part, "\r\n") { // which encoding/base64 would skip
			return header, errSignatureForm
		}
	}
	encoding := base64.RawURLEncoding.Strict()
	var protected []byte
	for i, part := range parts {
		decoded, err := encoding.AppendDecode(nil, part)
		if err != nil {
			return header, errSignatureForm
		}
		if i == 0 {
			protected = decoded
		}
	}
	if json.Unmarshal(protected, &header) != nil {
		return header, errSignatureHeader
	}
	if header.Critical != nil || header.Base64 != nil {
		return header, errSignatureCrit
	}
	return header, nil
}

// verifyWithCertificates verifies the bytes with the first certificate, and each certificate with
// the next.
func verifyWithCertificates(signed *jose.JSONWebSignature, x5c []string, roots *x509.CertPool, at time.Time) error {
	chain, err := parseCertificates(x5c)
	if err != nil {
		return err
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok {
		return errSignatureKey
	}
	if _, err := signed.Verify(key); err != nil {
		return errSignatureBytes
	}
	for i, issuer := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(issuer); err != nil {
			return fmt.Errorf("cannot be verified: certificate %d of x5c is not signed by certificate %d: %w", i+1, i+2, err)
		}
	}
	if roots == nil {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, issuer := range chain[1:] {
		intermediates.AddCert(issuer)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("cannot be trusted: %w", err)
	}
	return nil
}

func parseCertificates(x5c []string) ([]*x509.Certificate, error) {
	if len(x5c) == 0 || len(x5c) > maxSignatureCertificates {
		return nil, errSignatureChain
	}
	chain := make([]*x509.Certificate, len(x5c))
	for i, text := range x5c {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("cannot be verified: certificate %d of x5c is not base64", i+1)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("cannot be verified: certificate %d of x5c is not an X.509 certificate", i+1)
		}
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxSignatureKeyBits {
			return nil, errSignatureKeySize
		}
		chain[i] = certificate
	}
	return chain, nil
}
