package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// raw holds the flags that all raw commands share.
type raw struct {
	addr    string
	cf      string
	timeout time.Duration
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
	flags.StringVar(&r.addr, "addr", "127.0.0.1:20160", "`host:port` of the server")
	flags.StringVar(&r.cf, "cf", "default", "column `family`: default, lock or write")
	flags.DurationVar(&r.timeout, "timeout", 5*time.Second, "how long to wait for the server, in all")
	flags.BoolVar(&r.hex, "hex", false, "keys and values are hexadecimal, in arguments and in output")

	var limit uint32
	scan := &cobra.Command{
		Use:   "scan [START]",
		Short: "Print pairs in ascending order of keys, from the first key at or after START on",
		Args:  between(0, "START"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd, args, func(ctx context.Context, c tinykvpb.TinyKvClient, args [][]byte) error {
				return r.scan(ctx, c, cmd, args, limit)
			})
		},
	}
	scan.Flags().Uint32Var(&limit, "limit", 100, "print at most so many pairs")

	cmd.AddCommand(
		&cobra.Command{
			Use:   "get KEY",
			Short: "Print the value of a key",
			Args:  exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c tinykvpb.TinyKvClient, args [][]byte) error {
					return r.get(ctx, c, cmd, args[0])
				})
			},
		},
		&cobra.Command{
			Use:   "put KEY VALUE",
			Short: "Set a key to a value",
			Args:  exactly("KEY", "VALUE"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c tinykvpb.TinyKvClient, args [][]byte) error {
					resp, err := c.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: &kvrpcpb.Context{}, Cf: r.cf, Key: args[0], Value: args[1]})
					return refusal(resp, err)
				})
			},
		},
		&cobra.Command{
			Use:   "delete KEY",
			Short: "Remove a key",
			Args:  exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c tinykvpb.TinyKvClient, args [][]byte) error {
					resp, err := c.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: &kvrpcpb.Context{}, Cf: r.cf, Key: args[0]})
					return refusal(resp, err)
				})
			},
		},
		scan,
	)
	return cmd
}

// run connects and calls do with args as bytes.
func (r *raw) run(cmd *cobra.Command, args []string, do func(context.Context, tinykvpb.TinyKvClient, [][]byte) error) error {
	if r.timeout <= 0 {
		return &usageError{errors.Errorf("--timeout %s is not positive", r.timeout)}
	}
	var parsed [][]byte
	for i, arg := range args {
		b, err := r.parse([]string{"key", "value"}[i], arg)
		if err != nil {
			return err
		}
		parsed = append(parsed, b)
	}
	conn, err := grpc.NewClient(r.addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// Whether an answer is too large is for the server to say.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	)
	if err != nil {
		return &usageError{errors.Annotatef(err, "--addr %s", r.addr)}
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), r.timeout)
	defer cancel()
	return r.explain(do(ctx, tinykvpb.NewTinyKvClient(conn), parsed))
}

func (r *raw) get(ctx context.Context, c tinykvpb.TinyKvClient, cmd *cobra.Command, key []byte) error {
	resp, err := c.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: &kvrpcpb.Context{}, Cf: r.cf, Key: key})
	if err := refusal(resp, err); err != nil {
		return err
	}
	if resp.NotFound {
		return errors.Errorf("key %s is not there", r.format(key))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), r.format(resp.Value))
	return errors.Trace(err)
}

// scan prints pairs until there are limit of them or no more. It asks again as
// long as the server says that a response was cut short.
func (r *raw) scan(ctx context.Context, c tinykvpb.TinyKvClient, cmd *cobra.Command, args [][]byte, limit uint32) error {
	var start []byte
	if len(args) > 0 {
		start = args[0]
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for {
		resp, err := c.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: &kvrpcpb.Context{}, Cf: r.cf, StartKey: start, Limit: limit})
		if err := refusal(resp, err); err != nil {
			out.Flush() // the pairs that did arrive
			return err
		}
		for _, pair := range resp.Kvs {
			fmt.Fprintf(out, "%s\t%s\n", r.format(pair.Key), r.format(pair.Value))
		}
		limit -= min(limit, uint32(len(resp.Kvs)))
		if !resp.More || limit == 0 || len(resp.Kvs) == 0 {
			return errors.Trace(out.Flush())
		}
		start = append(resp.Kvs[len(resp.Kvs)-1].Key, 0)
	}
}

// refusal returns the error that a response tells of, if there is one.
func refusal(resp interface {
	GetRegionError() *errorpb.Error
	GetError() string
}, err error) error {
	switch {
	case err != nil:
		return err
	case resp.GetRegionError() != nil:
		return errors.Errorf("wrong place to ask: %s", resp.GetRegionError().GetMessage())
	case resp.GetError() != "":
		return errors.New(resp.GetError())
	default:
		return nil
	}
}

// explain puts the status of a call into words.
func (r *raw) explain(err error) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	switch s.Code() {
	case codes.Unavailable:
		return errors.Errorf("cannot reach a server at %s: %s", r.addr, s.Message())
	case codes.DeadlineExceeded:
		return errors.Errorf("no answer from %s within %s", r.addr, r.timeout)
	case codes.Canceled:
		return errors.New("interrupted")
	case codes.Unimplemented:
		return errors.Errorf("what answers at %s is not a LabKV server: %s", r.addr, s.Message())
	default:
		return errors.New(s.Message())
	}
}
