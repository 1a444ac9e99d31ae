package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A notation is how bytes are written on the command line and in output.
type notation struct {
	hex bool
}

// parse returns the bytes that an argument stands for.
func (n notation) parse(name, argument string) ([]byte, error) {
	if !n.hex {
		return []byte(argument), nil
	}
	b, err := hex.DecodeString(argument)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s %q is not hexadecimal: write two digits for each byte", name, argument)}
	}
	return b, nil
}

// format returns text for b: hexadecimal digits; or b itself if all of it can
// be printed; or else b quoted as in Go. Text that begins with a quote is quoted
// too, so that no two byte strings look the same.
func (n notation) format(b []byte) string {
	s := string(b)
	switch {
	case n.hex:
		return hex.EncodeToString(b)
	case printable(s) && !strings.HasPrefix(s, `"`):
		return s
	default:
		return strconv.Quote(s)
	}
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
