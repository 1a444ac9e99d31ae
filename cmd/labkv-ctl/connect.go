package main

import (
	"context"
	stderrors "errors"
	"strings"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
)

// A target has the flags of the commands that read and write keys: where the keys are, how
// long to try, and how bytes are written.
type target struct {
	addrs     []string
	scheduler string // instead of addrs; empty if there is none
	timeout   time.Duration
	notation
}

func (t *target) addFlags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&t.addrs, "addr", []string{"127.0.0.1:20160"}, "`host:port` of the server; once for each store of a cluster, any of which may be down")
	flags.StringVar(&t.scheduler, "scheduler", "", "`host:port` of the scheduler of a cluster, which knows all stores, instead of --addr")
	flags.DurationVar(&t.timeout, "timeout", 5*time.Second, "how long to try, in all")
	flags.BoolVar(&t.hex, "hex", false, "keys and values are hexadecimal, in arguments and in output")
}

// run connects and calls do with args as bytes.
func (t *target) run(cmd *cobra.Command, args []string, do func(context.Context, *client.Raw, [][]byte) error) error {
	if t.timeout <= 0 {
		return &usageError{errors.Errorf("--timeout %s is not positive", t.timeout)}
	}
	if t.scheduler != "" && cmd.Flags().Changed("addr") {
		return &usageError{errors.New("pass --addr or --scheduler, not both")}
	}
	var parsed [][]byte
	for i, arg := range args {
		b, err := t.parse([]string{"key", "value"}[i], arg)
		if err != nil {
			return err
		}
		parsed = append(parsed, b)
	}
	config := client.Config{Stores: client.At(t.addrs...)}
	if t.scheduler != "" {
		conn, err := schedulerclient.Dial(t.scheduler)
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
	ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
	defer cancel()
	return t.explain(do(ctx, c, parsed))
}

// explain puts what became of a call into words.
func (t *target) explain(err error) error {
	var (
		unknown *client.OutcomeUnknownError
		refused *client.RefusedError
	)
	addr := strings.Join(t.addrs, ", ")
	if t.scheduler != "" {
		addr = "the cluster of the scheduler at " + t.scheduler
	}
	if stderrors.As(err, &unknown) {
		return errors.Errorf("the outcome of the write is unknown, read the key before you write it again: %v", t.explain(unknown.Err))
	}
	if stderrors.As(err, &refused) {
		if err = refused.Err; t.scheduler != "" && refused.Addr == "the scheduler" {
			return explainScheduler(t.scheduler, t.timeout, err)
		}
		addr = refused.Addr
	}
	var wrongPlace *region.Error
	if stderrors.As(err, &wrongPlace) {
		return errors.Errorf("not served within %s; %s says: %s", t.timeout, addr, wrongPlace.Err.GetMessage())
	}
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	switch s.Code() {
	case codes.Unavailable:
		return errors.Errorf("cannot reach a server at %s: %s", addr, s.Message())
	case codes.DeadlineExceeded:
		return errors.Errorf("no answer from %s within %s", addr, t.timeout)
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
