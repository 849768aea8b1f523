package lrs

// charClass is a set of ASCII characters, indexed by byte.
type charClass [256]bool

// classOf makes the set of all characters in groups.
func classOf(groups ...string) *charClass {
	var c charClass
	for _, group := range groups {
		for i := range len(group) {
			c[group[i]] = true
		}
	}
	return &c
}

// holds reports whether s consists of characters of the class alone; the empty string does.
func (c *charClass) holds(s string) bool {
	for i := range len(s) {
		if !c[s[i]] {
			return false
		}
	}
	return true
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

var (
	letterChars   = classOf(letters)
	digitChars    = classOf(digits)
	alphanumChars = classOf(letters, digits)
	hexChars      = classOf(digits, "abcdefABCDEF")
)
