package service

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/pingcap/errors"
)

// ServeHTTP serves pages on addr until stop is called. what names them in the log.
func ServeHTTP(addr, what string, pages http.Handler, log *slog.Logger) (stop func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errors.Trace(err)
	}
	server := &http.Server{Handler: pages, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Warn("no longer serving "+what, "error", err)
		}
	}()
	log.Info("serving "+what, "addr", listener.Addr().String())
	return func() { server.Close() }, nil
}

// Profiles serves profiles of this process. It must not be public: they cost time.
func Profiles() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
