package main

import (
	"bytes"
	stderrors "errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pingcap/errors"
	"github.com/spf13/pflag"

	"github.com/labkv/labkv/kv/server/endpoint"
)

// Bounds of max-message-size: less has no room for anything useful, more lets
// one request take the machine's memory.
const (
	minMessageSize = 64 << 10
	maxMessageSize = 1 << 30
)

// A config is all that can be set. The names in the file are those of the flags.
type config struct {
	Standalone     bool       `toml:"standalone"`
	Path           string     `toml:"path"`
	Addr           string     `toml:"addr"`
	Sync           bool       `toml:"sync"`
	LogLevel       slog.Level `toml:"log-level"`
	MaxMessageSize int        `toml:"max-message-size"` // bytes
	StopTimeout    duration   `toml:"stop-timeout"`

	// file is where the rest comes from, besides flags; empty if from nowhere.
	file string
}

func defaultConfig() *config {
	return &config{
		Addr:           "127.0.0.1:20160",
		Sync:           true,
		LogLevel:       slog.LevelInfo,
		MaxMessageSize: endpoint.DefaultMaxMessageSize,
		StopTimeout:    duration(endpoint.DefaultStopTimeout),
	}
}

func (c *config) addFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.BoolVar(&c.Standalone, "standalone", c.Standalone, "serve one store alone, without replication")
	flags.StringVar(&c.Path, "path", c.Path, "`directory` that holds the data; created if it is not there")
	flags.StringVar(&c.Addr, "addr", c.Addr, "`host:port` to listen on; port 0 picks a free one")
	flags.StringVar(&c.file, "config", "", "TOML `file` with the same settings; flags win over it")
	flags.BoolVar(&c.Sync, "sync", c.Sync, "make each write durable before acknowledging it")
	flags.TextVar(&c.LogLevel, "log-level", c.LogLevel, "lowest `level` to log: debug, info, warn or error")
	flags.IntVar(&c.MaxMessageSize, "max-message-size", c.MaxMessageSize, "largest request and response, in `bytes`")
	flags.TextVar(&c.StopTimeout, "stop-timeout", c.StopTimeout, "`time` that calls have to finish after a signal to stop")
}

// complete adds what the file says to what flags said, and checks the result.
// Its errors are one line each.
func (c *config) complete(flags *pflag.FlagSet) error {
	if c.file != "" {
		given := map[*pflag.Flag]string{}
		flags.Visit(func(f *pflag.Flag) { given[f] = f.Value.String() })
		if err := c.load(c.file); err != nil {
			return err
		}
		for f, value := range given {
			if err := f.Value.Set(value); err != nil {
				return errors.Annotatef(err, "--%s", f.Name)
			}
		}
	}
	return c.check()
}

// load reads a file. Keys that do not exist are errors: a setting that is
// silently without effect is worse than none.
func (c *config) load(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return errors.Annotate(err, "read configuration")
	}
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	err = decoder.Decode(c)
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

func (c *config) check() error {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return errors.Errorf("addr %q is not host:port", c.Addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.Errorf("addr %q: port of host %q is not a number from 0 to 65535", c.Addr, host)
	}
	switch {
	case !c.Standalone:
		return errors.New("this server can only serve alone: pass --standalone")
	case c.Path == "":
		return errors.New("no place for the data: pass --path DIRECTORY")
	case c.MaxMessageSize < minMessageSize || c.MaxMessageSize > maxMessageSize:
		return errors.Errorf("max-message-size %d is not between %d and %d", c.MaxMessageSize, minMessageSize, maxMessageSize)
	case c.StopTimeout <= 0:
		return errors.Errorf("stop-timeout %s is not positive", time.Duration(c.StopTimeout))
	}
	return nil
}

// A duration is a time.Duration that reads and writes itself as text ("10s"), as
// TOML and flags need it.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.Errorf("%q is not a duration like 500ms or 10s", text)
	}
	*d = duration(v)
	return nil
}
