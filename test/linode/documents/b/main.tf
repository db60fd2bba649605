# What Drover made is configured, not made anew: no provider is needed for that.
variable "inbox" { type = string }
variable "machine" { type = string }
variable "address" { type = string }
variable "release" { type = string }

resource "terraform_data" "node" {
  triggers_replace = [var.machine, var.release]

  provisioner "local-exec" {
    command = "printf %s \"$RELEASE\" > \"$INBOX/$MACHINE.new\" && mv \"$INBOX/$MACHINE.new\" \"$INBOX/$MACHINE\" && curl -fsS --retry 60 --retry-delay 1 --retry-connrefused \"http://$ADDRESS/healthz\""
    environment = {
      INBOX   = var.inbox
      MACHINE = var.machine
      ADDRESS = var.address
      RELEASE = var.release
    }
  }
}
