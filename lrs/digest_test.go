package lrs

import (
	"encoding/hex"
	"strings"
	"testing"
)

const (
	sha1Sum   = "cd9b00a5611f94eaa7b1661edab976068e364975"
	sha224Sum = "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"
	sha256Sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sha384Sum = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
	sha512Sum = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
		"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)

func TestDigest(t *testing.T) {
	t.Run("a SHA-1 sum has 40 hexadecimal digits", func(t *testing.T) {
		checkAll(t, CheckSHA1, []string{sha1Sum, strings.ToUpper(sha1Sum)}, map[string]string{
			"": "40 hexadecimal", sha1Sum[1:]: "40 hexadecimal", sha1Sum + "0": "40 hexadecimal",
			"g" + sha1Sum[1:]: "40 hexadecimal", sha256Sum: "40 hexadecimal",
		})
	})
	t.Run("a SHA-2 sum has the digits of one of four hashes", func(t *testing.T) {
		checkAll(t, CheckSHA2, []string{sha224Sum, sha256Sum, strings.ToUpper(sha256Sum), sha384Sum, sha512Sum}, map[string]string{
			"": "56, 64, 96 or 128", sha1Sum: "56, 64, 96 or 128", sha256Sum[1:]: "56, 64, 96 or 128", "g" + sha256Sum[1:]: "56, 64, 96 or 128",
		})
	})
	t.Run("the length of a sum tells its hash", func(t *testing.T) {
		for _, sumOfNothing := range []string{sha224Sum, sha256Sum, sha384Sum, sha512Sum} {
			h, err := NewSHA2(sumOfNothing)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != sumOfNothing {
				t.Errorf("the sum of nothing is %s, want %s", got, sumOfNothing)
			}
		}
		if _, err := NewSHA2(sha1Sum); err == nil {
			t.Error("a SHA-1 sum has a SHA-2 hash")
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	b.Run("SHA-1", func(b *testing.B) { benchCheck(b, CheckSHA1, sha1Sum) })
	b.Run("SHA-2", func(b *testing.B) { benchCheck(b, CheckSHA2, sha256Sum) })
}
