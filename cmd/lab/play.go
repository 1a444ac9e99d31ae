package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/play"
)

func (a *app) playCommand() *cobra.Command {
	var addr, out string
	cmd := &cobra.Command{
		Use:   "play raft",
		Short: "drive your Raft by hand, in the browser",
		Long: `Compiles your package raft for the browser and serves a page that drives a group of
its nodes by hand: you choose which message arrives, which clock ticks, which node
crashes. After every step the guarantees of Raft show whether they hold. Reloading
the page compiles what you have saved since.

The page is served on this machine only, until Ctrl-C. With --out it is written to a
file instead, which needs neither this program nor a network.`,
		Example: `  lab play raft
  lab play raft --addr 127.0.0.1:8080
  lab play raft --out out/playground.html`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"raft"},
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if args[0] != "raft" {
				return usageError{fmt.Errorf("there is no playground of %q%s", args[0], course.DidYouMean(args[0], []string{"raft"}))}
			}
			root, err := course.Find(a.directory)
			if err != nil {
				return usageError{err}
			}
			scratch, err := os.MkdirTemp("", "labkv-play-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(scratch)
			b := play.Builder{Root: root, Scratch: scratch}
			if out != "" {
				page, err := b.Page(cmd.Context())
				if err != nil {
					return err
				}
				if err := writeFile(out, func(w io.Writer) error { _, err := w.Write(page); return err }); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %.1f MB\n", out, float64(len(page))/1e6)
				return nil
			}
			return servePlay(cmd.Context(), cmd.OutOrStdout(), addr, b)
		}),
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "serve on `ADDR`, of this machine; port 0 is a free one")
	cmd.Flags().StringVar(&out, "out", "", "write the page to `FILE`, and serve nothing")
	return cmd
}

// servePlay serves the playground until ctx is done. It ends at once if the tree does
// not build.
func servePlay(ctx context.Context, w io.Writer, addr string, b play.Builder) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fmt.Errorf("--addr %s: %w", addr, err)}
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return usageError{fmt.Errorf("--addr %s: the page is for this machine only, as 127.0.0.1", addr)}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Fprintln(w, "building")
	if _, err := b.Page(ctx); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	server := &http.Server{
		Handler: &play.Server{Builder: b, Hosts: []string{
			listener.Addr().String(), net.JoinHostPort("localhost", port),
		}},
		ReadHeaderTimeout: 10 * time.Second,
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(w, "http://%s/\nCtrl-C ends\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
