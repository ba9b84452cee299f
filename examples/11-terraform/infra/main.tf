# What the pull request changes: one more reader of the bucket, and an owner for the nightly job.
resource "google_storage_bucket_iam_member" "report" {
  bucket = "shop-reports"
  role   = "roles/storage.objectViewer"
  member = "user:noor@shop.example"
}

resource "google_project_iam_member" "nightly" {
  project = "shop"
  role    = "roles/owner"
  member  = "serviceAccount:nightly@shop.iam.gserviceaccount.com"
}
