package lrs

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
)

var (
	errSHA1 = errors.New("is not a SHA-1 sum: it must be 40 hexadecimal digits")
	errSHA2 = errors.New("is not a SHA-2 sum: it must be 56, 64, 96 or 128 hexadecimal digits")
)

// CheckSHA1 says why s is not a SHA-1 sum in hexadecimal of either case, nil when it is one
// (Data 2.4.2.3, mbox_sha1sum).
func CheckSHA1(s string) error {
	if len(s) != 40 || !hexChars.holds(s) {
		return errSHA1
	}
	return nil
}

// CheckSHA2 says why s is not a sum of SHA-224, SHA-256, SHA-384 or SHA-512 in hexadecimal of either
// case, nil when it is one (Data 2.4.11, sha2).
func CheckSHA2(s string) error {
	switch len(s) {
	case hex.EncodedLen(sha256.Size224), hex.EncodedLen(sha256.Size), hex.EncodedLen(sha512.Size384), hex.EncodedLen(sha512.Size):
		if hexChars.holds(s) {
			return nil
		}
	}
	return errSHA2
}

// NewSHA2 returns the hash that made sum, which its length tells.
func NewSHA2(sum string) (hash.Hash, error) {
	if err := CheckSHA2(sum); err != nil {
		return nil, err
	}
	switch hex.DecodedLen(len(sum)) {
	case sha256.Size224:
		return sha256.New224(), nil
	case sha256.Size:
		return sha256.New(), nil
	case sha512.Size384:
		return sha512.New384(), nil
	default:
		return sha512.New(), nil
	}
}
