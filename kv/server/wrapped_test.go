package server

import (
	stderrors "errors"
	"fmt"
	"testing"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/errorpb"
)

// However an error is wrapped, its response is the same.
func TestWrappedErrors(t *testing.T) {
	elsewhere := &region.Error{Err: &errorpb.Error{Message: "ask peer 7"}}
	text := func(err error) error { return fmt.Errorf("opening: %w", err) }
	note := func(err error) error { return errors.Annotate(err, "reading") }
	both := func(err error) error { return stderrors.Join(stderrors.New("closing"), err) }
	for _, wrap := range []func(error) error{
		func(err error) error { return err },
		text, note, both, errors.Trace,
		func(err error) error { return text(note(err)) },
		func(err error) error { return note(text(err)) },
		func(err error) error { return text(note(text(note(err)))) },
		func(err error) error { return both(note(both(err))) },
	} {
		refusal, message, err := outcome(wrap(elsewhere))
		require.Equal(t, "ask peer 7", refusal.GetMessage(), "%v", wrap(elsewhere))
		require.Empty(t, message)
		require.NoError(t, err)

		_, _, err = outcome(wrap(storage.ErrOutcomeUnknown))
		require.Equal(t, codes.Unknown, status.Code(err), "%v", wrap(storage.ErrOutcomeUnknown))

		refusal, message, err = outcome(wrap(stderrors.New("bad sector")))
		require.Nil(t, refusal)
		require.Contains(t, message, "bad sector")
		require.NoError(t, err)
	}
}
