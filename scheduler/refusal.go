package scheduler

import (
	"fmt"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// A refusal is the error of a request that cannot be granted. Nothing has
// changed, and the caller reads why in the header of the response. Any other
// error means that the disk is broken.
type refusal struct {
	kind    schedulerpb.ErrorType
	message string
}

func (r *refusal) Error() string { return r.message }

// refuse returns a refusal of a request that makes no sense, or not now.
func refuse(format string, args ...any) error {
	return refuseAs(schedulerpb.ErrorType_UNKNOWN, format, args...)
}

// refuseAs returns a refusal on which a program can decide.
func refuseAs(kind schedulerpb.ErrorType, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

func isRefusal(err error) bool {
	_, ok := errors.Cause(err).(*refusal)
	return ok
}

// header returns the header of a response that ends with err, and err itself
// unless it is a refusal.
func (s *Scheduler) header(err error) (*schedulerpb.ResponseHeader, error) {
	h := &schedulerpb.ResponseHeader{ClusterId: s.cfg.ClusterID}
	if r, ok := errors.Cause(err).(*refusal); ok {
		h.Error = &schedulerpb.Error{Type: r.kind, Message: r.message}
		return h, nil
	}
	return h, err
}
