package connections

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"acquis/connectors"
	"acquis/docstore"
	"acquis/lrs"
	"acquis/server"
)

// trial is the answer to a check or a probe: what was found, or why it does not work.
type trial struct {
	OK bool `json:"ok"`
	*connectors.Checked
	*connectors.Probe
	Samples []connectors.Sample `json:"samples,omitempty"`
	Fault   *fault              `json:"fault,omitempty"`
}

type fault struct {
	Class    connectors.Class `json:"class"`
	Sentence string           `json:"sentence"`
	Detail   string           `json:"detail,omitempty"`
}

// tried answers with what was found, or with the provider's fault.
func (c *call) tried(found trial, err error) error {
	if f, is := errors.AsType[*connectors.Fault](err); is {
		return c.Answer(http.StatusOK, "", trial{Samples: found.Samples, Fault: &fault{f.Class, f.Sentence, f.Detail}})
	}
	if err != nil {
		return err
	}
	found.OK = true
	return c.Answer(http.StatusOK, "", found)
}

// check answers POST /api/connections/{name}/check.
func (s *Surface) check(c *call) error {
	found, err := s.service.Check(c.Ctx(), c.caller, c.Param("name"))
	return c.tried(trial{Checked: &found}, err)
}

// probe answers POST /api/connections/{name}/probe.
func (s *Surface) probe(c *call) error {
	found, samples, err := s.service.Probe(c.Ctx(), c.caller, c.Param("name"))
	return c.tried(trial{Probe: &found, Samples: samples}, err)
}

// run answers POST /api/connections/{name}/run?full=true&dry=true.
func (s *Surface) run(c *call) error {
	order, err := c.order()
	if err != nil {
		return err
	}
	begun, err := s.service.Launch(c.Ctx(), c.caller, c.Param("name"), order)
	return c.begun(begun, err)
}

// order reads the parameters of a run.
func (c *call) order() (o connectors.Order, err error) {
	for name, into := range map[string]*bool{"full": &o.Full, "dry": &o.Dry} {
		text, given := c.GetQuery(name)
		if !given {
			continue
		}
		if *into, err = strconv.ParseBool(text); err != nil {
			return o, lrs.Errorf(lrs.KindInvalid, "the parameter %s must be true or false", name)
		}
	}
	return o, nil
}

// begun answers 202 with the entry of a run and its address.
func (c *call) begun(run connectors.Run, err error) error {
	if err != nil {
		return err
	}
	path := c.Request.URL.Path
	c.Header("Location", path[:strings.LastIndexByte(path, '/')]+"/runs/"+strconv.FormatInt(run.Number, 10))
	return c.Answer(http.StatusAccepted, "", run)
}

var (
	fileName = regexp.MustCompile(`^[^/\\\x00-\x1f]{1,200}$`)
	fileUse  = regexp.MustCompile(`^[a-z0-9-]{0,64}$`)
)

// handIn answers POST /api/connections/{name}/files?name=results.csv&as=…: the body is an export of the
// provider's, which a run reads at once.
func (s *Surface) handIn(c *call) (err error) {
	if err := c.caller.Has(lrs.RoleAdministrator|lrs.RoleOperator, "hand in files"); err != nil { // before the body is read
		return err
	}
	order, err := c.order()
	if err != nil {
		return err
	}
	name, as := c.Query("name"), c.Query("as")
	if !fileName.MatchString(name) || !fileUse.MatchString(as) {
		return lrs.Errorf(lrs.KindInvalid, "the parameter name must be the name of the file without folders, and as which import it is for, or be left out")
	}
	path, size, err := s.keep(c)
	if err != nil {
		return err
	}
	order.Files = []connectors.File{{Name: name, As: as, Size: size, Open: func() (io.ReadSeekCloser, error) { return os.Open(path) }}}
	order.Ended = func() { _ = os.Remove(path) } // in the temporary folder: the system takes what is left
	begun, err := s.service.Launch(c.Ctx(), c.caller, c.Param("name"), order)
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return c.begun(begun, nil)
}

// keep writes the body to a file.
func (s *Surface) keep(c *call) (path string, size int64, err error) {
	server.LimitBody(c.Request, s.o.FileBytes)
	file, err := os.CreateTemp(s.o.Dir, "acquis-hand-in-*")
	if err != nil {
		return "", 0, err
	}
	size, err = io.Copy(file, c.Request.Body)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", 0, errors.Join(err, os.Remove(file.Name()))
	}
	if size == 0 {
		return "", 0, errors.Join(lrs.Errorf(lrs.KindInvalid, "the file is empty"), os.Remove(file.Name()))
	}
	return file.Name(), size, nil
}

// How many runs are on a page.
const (
	defaultLimit = 50
	maxLimit     = 500
)

// runs answers GET /api/runs and GET /api/connections/{name}/runs, the newest first.
func (s *Surface) runs(c *call) error {
	limit := defaultLimit
	if text, given := c.GetQuery("limit"); given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return lrs.Errorf(lrs.KindInvalid, "the parameter limit must be a number from 1 to %d", maxLimit)
		}
		limit = n
	}
	name := c.Param("name")
	if name == "" {
		name = c.Query("connection")
	}
	after, err := base64.RawURLEncoding.DecodeString(c.Query("after"))
	if err == nil && len(after) > 0 {
		_, err = docstore.SplitTuple(string(after))
	}
	if err != nil || !utf8.Valid(after) {
		return lrs.Errorf(lrs.KindInvalid, "the parameter after must be the member next of the page before")
	}
	found, err := s.service.Runs(c.Ctx(), c.caller, name, string(after), limit)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.ListPage[connectors.Run]{Items: found.Runs, Next: base64.RawURLEncoding.EncodeToString([]byte(found.Next))})
}

// oneRun answers GET /api/connections/{name}/runs/{number}.
func (s *Surface) oneRun(c *call) error {
	run, err := s.service.Run(c.Ctx(), c.caller, c.Param("name"), c.Param("number"))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", run)
}
