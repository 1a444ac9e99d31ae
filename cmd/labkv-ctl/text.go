package main

import (
	"encoding/hex"
	"fmt"
	"regexp"
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

// argument returns how to write b on a command line, with the flag that it needs.
func (n notation) argument(b []byte) string {
	s := string(b)
	switch {
	case n.hex || !printable(s):
		return "--hex " + hex.EncodeToString(b)
	case plain.MatchString(s):
		return s
	case strings.HasPrefix(s, "-"):
		return "-- " + quoted(s)
	default:
		return quoted(s)
	}
}

// quoted returns s as a shell reads it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// plain are words that every shell takes as they are.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,][A-Za-z0-9_./:@%+,-]*$`)

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
