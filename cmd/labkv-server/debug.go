package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/pingcap/errors"
)

// serveDebug serves profiles of this process on addr until stop is called. It
// serves nothing else and must not be public: profiles cost time.
func serveDebug(addr string, log *slog.Logger) (stop func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errors.Trace(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Warn("profiles are no longer served", "error", err)
		}
	}()
	log.Info("serving profiles", "addr", listener.Addr().String())
	return func() { server.Close() }, nil
}
