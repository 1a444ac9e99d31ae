package storesim

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A client may submit a put again once it was refused. What the put may do then
// depends on all its submissions.
func TestFatesOfPuts(t *testing.T) {
	ops := []engine.Op{{CF: engine.CFDefault, Key: []byte("k"), Value: []byte("v")}}
	data, err := proto.Marshal(&raftserverpb.Command{Writes: []*raftserverpb.Write{{Cf: ops[0].CF, Key: ops[0].Key, Value: ops[0].Value}}})
	require.NoError(t, err)
	written := contribution(place{ops[0].CF, "k"}, ops[0].Value)

	type step func(f *fates)
	submit := func(f *fates) { f.submitted(ops) }
	done := func(f *fates) { f.answered(1, ops, true, nil) }
	unknown := func(f *fates) { f.answered(1, ops, false, nil) }
	refuse := func(f *fates) { f.answered(1, ops, false, region.Stale(1).(*region.Error)) }
	without := func(index uint64) step { // without effect
		return func(f *fates) { f.applied(1, []*eraftpb.Entry{{Index: index, Data: data}}) }
	}
	apply := func(index uint64) step {
		return func(f *fates) {
			f.wrote(written)
			without(index)(f)
		}
	}
	for name, c := range map[string]struct {
		steps  []step
		broken string // the rule, "" if none
	}{
		"done":                            {[]step{submit, apply(7), done}, ""},
		"done on several stores":          {[]step{submit, apply(7), done, apply(7)}, ""},
		"done too early":                  {[]step{submit, done, apply(7)}, RuleTrueAnswers},
		"unknown":                         {[]step{submit, unknown, apply(7)}, ""},
		"refused":                         {[]step{submit, refuse}, ""},
		"refused, then applied":           {[]step{submit, refuse, apply(7)}, RuleTrueAnswers},
		"applied, then refused":           {[]step{submit, apply(7), refuse}, RuleTrueAnswers},
		"again":                           {[]step{submit, refuse, submit, apply(7), done}, ""},
		"again, without effect at first":  {[]step{submit, without(7), refuse, submit, apply(8), done}, ""},
		"again, and refused":              {[]step{submit, refuse, submit, refuse}, ""},
		"again, and refused, but applied": {[]step{submit, refuse, submit, refuse, apply(7)}, RuleTrueAnswers},
		"again, and applied, but refused": {[]step{submit, refuse, submit, apply(7), refuse}, RuleTrueAnswers},
		"again, and both applied":         {[]step{submit, refuse, submit, apply(7), apply(8)}, RuleOnce},
		"once, but applied twice":         {[]step{submit, apply(7), done, apply(8)}, RuleOnce},
	} {
		f := newFates(false)
		for _, step := range c.steps {
			step(&f)
		}
		err := f.violation()
		if c.broken == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Error(t, err, name)
		require.Equal(t, c.broken, err.(*check.Violation).Rule, "%s: %v", name, err)
	}

	// It is about the store that answers, not about the one that is looked at then.
	f := newFates(false)
	f.submitted(ops)
	f.answered(3, ops, true, nil)
	require.EqualValues(t, 3, f.violation().(*check.Violation).Store)
}
