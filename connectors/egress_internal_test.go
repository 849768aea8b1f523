package connectors

import (
	"net/netip"
	"testing"
)

func TestIsPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"192.0.2.1": true, "2001:db8::1": true, "2606:4700::1": true,
		"127.0.0.1": false, "10.1.2.3": false, "169.254.169.254": false, "0.0.0.0": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "::127.0.0.1": false, "::ffff:10.1.2.3": false, "64:ff9b::a01:203": false, "2002:a01:203::1": false,
		"2001:0:a01:203::1": false, "fec0::1": false, "fd00::1": false, "fe80::1": false, "ff02::1": false,
	} {
		t.Run(address, func(t *testing.T) {
			if got := isPublic(netip.MustParseAddr(address).Unmap()); got != want {
				t.Errorf("public: %t", got)
			}
		})
	}
}
