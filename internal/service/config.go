// Package service has what the programs that serve a cluster share: settings that
// come from a file and from flags, pages over HTTP, and how a program ends.
package service

import (
	"bytes"
	stderrors "errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pingcap/errors"
	"github.com/spf13/pflag"
)

// A UsageError is a mistake in flags or in the configuration file.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Load adds what a TOML file says to what flags said, which wins: settings are the
// variables of flags, with the names of the flags as keys. An empty file is none.
// Its errors are one line each. Keys that do not exist are errors: a setting that
// is silently without effect is worse than none.
func Load(file string, settings any, flags *pflag.FlagSet) error {
	if file == "" {
		return nil
	}
	given := map[*pflag.Flag]string{}
	flags.Visit(func(f *pflag.Flag) { given[f] = f.Value.String() })
	if err := load(file, settings); err != nil {
		return err
	}
	for f, value := range given {
		if err := f.Value.Set(value); err != nil {
			return errors.Annotatef(err, "--%s", f.Name)
		}
	}
	return nil
}

func load(file string, settings any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return errors.Annotate(err, "read configuration")
	}
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	err = decoder.Decode(settings)
	var unknown *toml.StrictMissingError
	if stderrors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := unknown.Errors[0]
		line, _ := first.Position()
		return errors.Errorf("%s:%d: unknown key %q", file, line, strings.Join(first.Key(), "."))
	}
	var malformed *toml.DecodeError
	if stderrors.As(err, &malformed) {
		line, _ := malformed.Position()
		problem := strings.TrimPrefix(malformed.Error(), "toml: ")
		if m := wrongType.FindStringSubmatch(problem); m != nil {
			problem = "is a " + m[1] + " and not a " + m[2]
		}
		if key := strings.Join(malformed.Key(), "."); key != "" {
			problem = fmt.Sprintf("key %q: %s", key, problem)
		}
		return errors.Errorf("%s:%d: %s", file, line, problem)
	}
	return errors.Annotate(err, file)
}

// wrongType matches what the decoder says of a value of the wrong type, which
// names Go's types and fields.
var wrongType = regexp.MustCompile(`^cannot decode TOML (\w+) into .* of type (\w+)$`)

// CheckAddr returns an error unless addr is host:port. name is what the error calls
// it.
func CheckAddr(name, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.Errorf("%s %q is not host:port", name, addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.Errorf("%s %q: port of host %q is not a number from 0 to 65535", name, addr, host)
	}
	return nil
}

// A Duration is a time.Duration that reads and writes itself as text ("10s"), as
// TOML and flags need it.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.Errorf("%q is not a duration like 500ms or 10s", text)
	}
	*d = Duration(v)
	return nil
}
