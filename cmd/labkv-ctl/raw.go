package main

import (
	"bufio"
	"context"
	stderrors "errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
)

// raw holds the flags that all raw commands share.
type raw struct {
	addrs     []string
	scheduler string // instead of addrs; empty if there is none
	cf        string
	timeout   time.Duration
	notation
}

func newRawCommand() *cobra.Command {
	r := &raw{}
	cmd := &cobra.Command{
		Use:   "raw",
		Short: "Read and write keys directly, outside of transactions",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("raw: say what to do: get, put, delete or scan")}
		},
	}
	flags := cmd.PersistentFlags()
	flags.StringSliceVar(&r.addrs, "addr", []string{"127.0.0.1:20160"}, "`host:port` of the server; once for each store of a cluster, any of which may be down")
	flags.StringVar(&r.scheduler, "scheduler", "", "`host:port` of the scheduler of a cluster, which knows all stores, instead of --addr")
	flags.StringVar(&r.cf, "cf", "default", "column `family`: default, lock or write")
	flags.DurationVar(&r.timeout, "timeout", 5*time.Second, "how long to try, in all")
	flags.BoolVar(&r.hex, "hex", false, "keys and values are hexadecimal, in arguments and in output")

	var limit uint32
	scan := &cobra.Command{
		Use:   "scan [START]",
		Short: "Print pairs in ascending order of keys, from the first key at or after START on",
		Args:  between(0, "START"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
				return r.scan(ctx, c, cmd, args, limit)
			})
		},
	}
	scan.Flags().Uint32Var(&limit, "limit", 100, "print at most this `number` of pairs")

	cmd.AddCommand(
		&cobra.Command{
			Use:   "get KEY",
			Short: "Print the value of a key",
			Args:  exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
					return r.get(ctx, c, cmd, args[0])
				})
			},
		},
		&cobra.Command{
			Use:   "put KEY VALUE",
			Short: "Set a key to a value",
			Args:  exactly("KEY", "VALUE"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
					return c.Put(ctx, r.cf, args[0], args[1])
				})
			},
		},
		&cobra.Command{
			Use:   "delete KEY",
			Short: "Remove a key",
			Args:  exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
					return c.Delete(ctx, r.cf, args[0])
				})
			},
		},
		scan,
	)
	return cmd
}

// run connects and calls do with args as bytes.
func (r *raw) run(cmd *cobra.Command, args []string, do func(context.Context, *client.Raw, [][]byte) error) error {
	if r.timeout <= 0 {
		return &usageError{errors.Errorf("--timeout %s is not positive", r.timeout)}
	}
	if r.scheduler != "" && cmd.Flags().Changed("addr") {
		return &usageError{errors.New("pass --addr or --scheduler, not both")}
	}
	var parsed [][]byte
	for i, arg := range args {
		b, err := r.parse([]string{"key", "value"}[i], arg)
		if err != nil {
			return err
		}
		parsed = append(parsed, b)
	}
	config := client.Config{Stores: client.At(r.addrs...)}
	if r.scheduler != "" {
		conn, err := schedulerclient.Dial(r.scheduler)
		if err != nil {
			return &usageError{errors.Annotate(err, "--scheduler")}
		}
		defer conn.Close()
		config = client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)}
	}
	c, err := client.NewRaw(config)
	if err != nil {
		return &usageError{errors.Annotate(err, "--addr")}
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), r.timeout)
	defer cancel()
	return r.explain(do(ctx, c, parsed))
}

func (r *raw) get(ctx context.Context, c *client.Raw, cmd *cobra.Command, key []byte) error {
	value, found, err := c.Get(ctx, r.cf, key)
	if err != nil {
		return err
	}
	if !found {
		return errors.Errorf("key %s is not there", r.format(key))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), r.format(value))
	return errors.Trace(err)
}

// scan prints pairs until there are limit of them or no more, as they arrive. If the
// limit has cut the result, it says on standard error where to go on.
func (r *raw) scan(ctx context.Context, c *client.Raw, cmd *cobra.Command, args [][]byte, limit uint32) error {
	var start []byte
	if len(args) > 0 {
		start = args[0]
	}
	// One more than is printed shows whether more follow.
	ask := limit
	if ask < math.MaxUint32 {
		ask++
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for part, err := range c.ScanParts(ctx, r.cf, start, ask) {
		if err != nil {
			out.Flush() // the pairs that did arrive
			return err
		}
		for _, pair := range part.Pairs {
			if limit == 0 {
				if err := out.Flush(); err != nil {
					return errors.Trace(err)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "more pairs follow; to go on: labkv-ctl raw scan %s\n", r.argument(pair.Key))
				return nil
			}
			fmt.Fprintf(out, "%s\t%s\n", r.format(pair.Key), r.format(pair.Value))
			limit--
		}
	}
	return errors.Trace(out.Flush())
}

// explain puts what became of a call into words.
func (r *raw) explain(err error) error {
	var (
		unknown *client.OutcomeUnknownError
		refused *client.RefusedError
	)
	addr := strings.Join(r.addrs, ", ")
	if r.scheduler != "" {
		addr = "the cluster of the scheduler at " + r.scheduler
	}
	if stderrors.As(err, &unknown) {
		return errors.Errorf("the outcome of the write is unknown, read the key before you write it again: %v", r.explain(unknown.Err))
	}
	if stderrors.As(err, &refused) {
		if err = refused.Err; r.scheduler != "" && refused.Addr == "the scheduler" {
			return explainScheduler(r.scheduler, r.timeout, err)
		}
		addr = refused.Addr
	}
	var wrongPlace *region.Error
	if stderrors.As(err, &wrongPlace) {
		return errors.Errorf("not served within %s; %s says: %s", r.timeout, addr, wrongPlace.Err.GetMessage())
	}
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	switch s.Code() {
	case codes.Unavailable:
		return errors.Errorf("cannot reach a server at %s: %s", addr, s.Message())
	case codes.DeadlineExceeded:
		return errors.Errorf("no answer from %s within %s", addr, r.timeout)
	case codes.Canceled:
		return errors.New("interrupted")
	case codes.Unimplemented:
		if strings.HasPrefix(s.Message(), "not implemented: ") {
			return errors.New(s.Message()) // a handler that a student has not written yet
		}
		return errors.Errorf("what answers at %s is not a LabKV server: %s", addr, s.Message())
	default:
		return errors.New(s.Message())
	}
}
