package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

func checkNotEmpty(text string) error {
	if text == "" {
		return errors.New("is empty")
	}
	return nil
}

func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is not an address: write host:port, such as 127.0.0.1:8080 or [::1]:8080", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port from 0 to 65535", text)
	}
	return nil
}

func checkOptionalAddress(text string) error {
	if text == "" {
		return nil
	}
	return checkAddress(text)
}

// checkNetwork accepts a network as 192.0.2.0/24, or one address.
func checkNetwork(text string) error {
	if _, err := ParseNetwork(text); err != nil {
		return fmt.Errorf("%q is not a network: write an address and a length, such as 192.0.2.0/24, or an address alone", text)
	}
	return nil
}

// ParseNetwork reads a network; an address is the network of that address alone. The bits behind the
// length must be 0, or the text does not say what it seems to.
func ParseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.WithZone("").Prefix(address.BitLen())
	}
	network, err := netip.ParsePrefix(text)
	if err == nil && network != network.Masked() {
		err = errors.New("has bits set behind its length")
	}
	return network, err
}

// checkPublicURL accepts the beginning of a URL, which paths are put behind.
func checkPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != text {
		return fmt.Errorf("%q is not scheme, host and port alone: write https://acquis.example.org", text)
	}
	return nil
}

// checkIssuer accepts what OpenID Connect Discovery 1.0 section 3 allows for an issuer. Plain HTTP is for
// one on this machine.
func checkIssuer(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("%q is not an issuer: write its https URL, without query and fragment", text)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q does not start with https: its keys could be replaced on the way", text)
}

// isLoopback reports whether a host is this machine, and reached from nowhere else.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// checkBasePath accepts a path that can be put before another and found again by its letters alone.
func checkBasePath(text string) error {
	switch {
	case text == "":
		return nil
	case text[0] != '/' || strings.HasSuffix(text, "/"):
		return fmt.Errorf("%q does not start with a slash and end without one: write /acquis", text)
	case path.Clean(text) != text || (&url.URL{Path: text}).EscapedPath() != text:
		return fmt.Errorf("%q is not a plain path: no empty or dot segments, no characters that a URL escapes", text)
	}
	return nil
}

// checkUser and checkPassword follow RFC 7617 section 2: neither part has control characters, and the
// user has no colon.
func checkUser(text string) error {
	if strings.Contains(text, ":") {
		return errors.New("holds a colon, which HTTP Basic uses as its separator")
	}
	return checkPassword(text)
}

func checkPassword(text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("holds a control character, such as a line end, which HTTP Basic cannot carry")
	}
	return nil
}

func checkOneLine(text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("holds a control character, such as a line end: write it in one line")
	}
	return nil
}

// checkOrigin accepts an origin in the form a browser sends (RFC 6454 section 6.2), since it is compared
// letter by letter.
func checkOrigin(text string) error {
	if text == "*" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%q is not an origin: write * or scheme, host and port, such as https://learn.example.org", text)
	}
	if origin := strings.ToLower(u.Scheme + "://" + u.Host); origin != text {
		return fmt.Errorf("%q is not an origin as a browser sends it: write %s", text, origin)
	}
	return nil
}

// checkProxy accepts the URL of a proxy, without quoting its credentials.
func checkProxy(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return errors.New("is not the address of a proxy: write scheme, host and port, such as http://proxy.example.org:3128")
	}
	return nil
}
