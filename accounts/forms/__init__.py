from accounts.forms.passwords import PasswordChangeForm, PasswordResetForm
from accounts.forms.register import RegisterForm
from accounts.forms.sign_in import SignInForm, StaffSignInForm

__all__ = ["PasswordChangeForm", "PasswordResetForm", "RegisterForm", "SignInForm", "StaffSignInForm"]
