//go:build cgo

package badger

import (
	"bytes"
	"context"
	"log/slog"
	"sync"

	"github.com/ngaut/log"
)

// redirectLog sends badger's log to slog. It runs once: the logger is global to
// the process, and must not be changed while it is in use.
var redirectLog = sync.OnceFunc(func() {
	log.SetHighlighting(false)
	log.SetOutput(slogWriter{})
	log.SetFlags(0)
})

// slogWriter logs each line that is written to it, such as "[warning] text".
type slogWriter struct{}

func (slogWriter) Write(p []byte) (int, error) {
	level, text := slog.LevelInfo, bytes.TrimSpace(p)
	for prefix, l := range map[string]slog.Level{
		"[fatal] ":   slog.LevelError,
		"[error] ":   slog.LevelError,
		"[warning] ": slog.LevelWarn,
		"[debug] ":   slog.LevelDebug,
	} {
		if rest, ok := bytes.CutPrefix(text, []byte(prefix)); ok {
			level, text = l, rest
		}
	}
	slog.Log(context.Background(), level, string(text), "component", "badger")
	return len(p), nil
}
