package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"pulltrail/indexer"
	"pulltrail/internal/search"
	"pulltrail/internal/secret"
)

// Account is a user of the cluster with a role of their own.
type Account struct {
	User     string
	Password secret.String
	Role     string
}

// Options are what a Plan is made of.
type Options struct {
	// Needs are those of the routes.
	Needs []indexer.Need
	// Writer stores documents; Reader reads them, and without a name there is none.
	Writer, Reader Account
	// Templates asks for index templates.
	Templates bool
	// Force takes over what was made by others under our names.
	Force bool
	// Admin asks as the administrator. Without it the plan is that for a cluster which has
	// a security plugin, and none of our objects.
	Admin *search.Client
	// Login makes a client of a user, who may be refused. It goes with Admin.
	Login func(user string, password secret.String) (*search.Client, error)
}

// Action is what is to be done with an object.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Keep   Action = "keep"      // it is as it should be
	Omit   Action = "leave out" // the step's note says why
)

// Step is what is done with one object.
type Step struct {
	Kind   string // "role", "user", "role mapping" or "index template"
	Name   string
	Action Action
	// Note is what a person should know besides; mostly empty.
	Note string
	// Path and Body are those of the request, with PUT. The body is fit to be printed: where
	// there is a password, it is hidden.
	Path string
	Body any
	// Done is set by Apply.
	Done bool
}

// Plan is what is to be done in a cluster.
type Plan struct {
	Steps []Step
	// Open says that the cluster has no security plugin, so nobody needs a user there.
	Open bool

	opts Options
}

// NewPlan compares the cluster with what it ought to be. The error is everything that
// stands against it.
func NewPlan(ctx context.Context, o Options) (*Plan, error) {
	p := &Plan{opts: o}
	if o.Admin != nil {
		_, err := o.Admin.Identity(ctx)
		p.Open = errors.Is(err, search.ErrNoSecurity)
		if err != nil && !p.Open {
			return nil, whoAsks(err)
		}
	}
	var errs []error
	if !p.Open {
		errs = append(errs, p.account(ctx, o.Writer, writerRole(o.Needs)))
		if o.Reader.User != "" {
			errs = append(errs, p.account(ctx, o.Reader, readerRole(o.Needs)))
		}
	}
	if o.Templates {
		errs = append(errs, p.templates(ctx))
	}
	return p, errors.Join(errs...)
}

// whoAsks gives the refusal of an administrator its remedy.
func whoAsks(err error) error {
	var refused *search.Error
	if errors.As(err, &refused) && refused.Class == search.Unidentified {
		return fmt.Errorf("the cluster does not let in who asks (status %d): give an administrator, by --admin-username and the right password, or by --admin-cert", refused.Status)
	}
	return err
}

// account plans a role, its user and the mapping of the two.
func (p *Plan) account(ctx context.Context, a Account, role role) error {
	if a.User == "" && p.opts.Admin == nil {
		err := p.role(ctx, a.Role, role)
		p.Steps[len(p.Steps)-1].Note = "nobody gets it, since indexer.opensearch.username is empty"
		return err
	}
	if a.User == "" {
		return errors.New("no user is configured: write the one that is to be made, and the password, into indexer.opensearch.username and password_file")
	}
	return errors.Join(p.role(ctx, a.Role, role), p.user(ctx, a), p.mapping(ctx, a))
}

// get reads an object as the administrator; without one there is nothing.
func (p *Plan) get(ctx context.Context, path string, into any) (found bool, err error) {
	if p.opts.Admin == nil {
		return false, nil
	}
	found, err = p.opts.Admin.Get(ctx, path, into)
	var refused *search.Error
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		err = fmt.Errorf("the administrator may not read %s: give one with the role all_access, or an administrator's certificate: %w", path, err)
	}
	return found, err
}

// Apply does what is to be done, in the order of the steps, up to the first that fails.
func (p *Plan) Apply(ctx context.Context) error {
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Action != Create && step.Action != Update {
			continue
		}
		body := step.Body
		if u, ok := body.(user); ok {
			body = u.revealed()
		}
		if err := p.opts.Admin.Put(ctx, step.Path, body); err != nil {
			return fmt.Errorf("%s %s: %w", step.Kind, step.Name, remedy(err))
		}
		step.Done = true
	}
	return nil
}

// remedy says what to do about a refusal that can be foreseen.
func remedy(err error) error {
	var refused *search.Error
	switch {
	case !errors.As(err, &refused):
	case refused.Reason == "Weak password":
		return fmt.Errorf("the cluster finds the password too weak: choose a longer one, or one with capitals, digits and signs, and write it where the user has it from: %w", err)
	case refused.Status == http.StatusForbidden:
		return fmt.Errorf("the administrator may not change it: give one with the role all_access, or an administrator's certificate: %w", err)
	}
	return err
}
