// Command labkv-server serves a store over gRPC.
//
//	labkv-server --standalone --path DIR [--addr HOST:PORT] [--config FILE]
//	labkv-server --scheduler HOST:PORT --path DIR [--addr HOST:PORT] [--config FILE]
//	labkv-server --cluster-id N --store-id N --peer ID=HOST:PORT ... --path DIR [--config FILE]
//
// In the first form the store serves alone. In the second it is one of a cluster
// with a scheduler: it joins with an empty directory, and the scheduler tells it
// which regions to keep copies of. In the third it is one of a cluster whose stores
// are all known from the beginning, and each of them keeps a copy of all keys. The
// first start of such a store needs --bootstrap, and waits for the first start of
// all others.
//
// Settings come from the file, then from flags, which win. It stops on SIGINT,
// SIGTERM or SIGHUP, after letting calls finish for a while; a second signal ends it
// at once.
// Exit codes: 0 stopped, 1 could not serve, 2 wrong usage, 3 something that the store
// needs is not implemented yet.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/internal/service"
)

func main() {
	os.Exit(service.Main(newCommand(os.Stderr), os.Args[1:], os.Stdout, os.Stderr))
}

func newCommand(stderr io.Writer) *cobra.Command {
	config := defaultConfig()
	cmd := &cobra.Command{
		Use:   "labkv-server (--standalone | --scheduler HOST:PORT | --cluster-id N --store-id N --peer ID=HOST:PORT ...) --path DIR",
		Short: "Serve a LabKV store over gRPC",
		Example: `  labkv-server --standalone --path data

  labkv-server --scheduler 10.0.0.9:20150 --addr 10.0.0.1:20160 --path data

  labkv-server --path data1 --store-id 1 --config cluster.toml --bootstrap

with the same cluster.toml for all stores:

  cluster-id = 1
  [peers]
  1 = "10.0.0.1:20160"
  2 = "10.0.0.2:20160"
  3 = "10.0.0.3:20160"

The first start waits for all stores. Later ones go without --bootstrap.`,
		Args:    service.NoArguments,
		Version: program.VersionText(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.complete(cmd.Flags()); err != nil {
				return &service.UsageError{Err: err}
			}
			return serve(cmd.Context(), config, service.NewLogger(stderr, config.LogLevel))
		},
	}
	config.addFlags(cmd.Flags())
	return cmd
}
